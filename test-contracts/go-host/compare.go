package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// packages are those whose descriptors upstream's own code registers in this
// program: what a plugin's messages must agree with.
var packages = []string{"plugin", "plugin.", "service.", "grpc.health.v1", "google.rpc"}

// compare tells in what a descriptor set differs from upstream's, field by
// field. What is in the set alone is a difference too, unless it is among the
// names that are said to be unverified.
func compare(path string, unverified []string) ([]string, int, error) {
	files, err := readDescriptors(path)
	if err != nil {
		return nil, 0, err
	}
	c := &comparison{}
	files.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		if !ours(string(f.Package())) {
			return true
		}
		for i := 0; i < f.Messages().Len(); i++ {
			c.message(f.Messages().Get(i), unverified)
		}
		for i := 0; i < f.Enums().Len(); i++ {
			c.enum(f.Enums().Get(i))
		}
		for i := 0; i < f.Services().Len(); i++ {
			c.service(f.Services().Get(i), unverified)
		}
		return true
	})
	return c.differences, c.compared, nil
}

func ours(pkg string) bool {
	for _, prefix := range packages {
		if pkg == prefix || (strings.HasSuffix(prefix, ".") && strings.HasPrefix(pkg, prefix)) {
			return true
		}
	}
	return false
}

type comparison struct {
	differences []string
	compared    int
}

func (c *comparison) differ(format string, args ...any) {
	c.differences = append(c.differences, fmt.Sprintf(format, args...))
}

// upstream finds the counterpart. A set of ours may carry a message in another
// package of the same name only, so the full name is all that counts.
func (c *comparison) upstream(d protoreflect.Descriptor, unverified []string) protoreflect.Descriptor {
	other, err := protoregistry.GlobalFiles.FindDescriptorByName(d.FullName())
	if err == nil {
		return other
	}
	for _, name := range unverified {
		if string(d.FullName()) == name {
			return nil
		}
	}
	c.differ("%s: upstream has none", d.FullName())
	return nil
}

func (c *comparison) message(m protoreflect.MessageDescriptor, unverified []string) {
	other, ok := c.upstream(m, unverified).(protoreflect.MessageDescriptor)
	if !ok {
		return
	}
	theirs := other.Fields()
	for i := 0; i < m.Fields().Len(); i++ {
		f := m.Fields().Get(i)
		g := theirs.ByNumber(f.Number())
		if g == nil {
			c.differ("%s: upstream has no field %d", m.FullName(), f.Number())
			continue
		}
		c.compared++
		if mine, its := shape(f), shape(g); mine != its {
			c.differ("%s: ours is %s, upstream's %s", m.FullName(), mine, its)
		}
	}
	if n := theirs.Len(); n != m.Fields().Len() {
		c.differ("%s: %d fields, upstream %d", m.FullName(), m.Fields().Len(), n)
	}
	for i := 0; i < m.Enums().Len(); i++ {
		c.enum(m.Enums().Get(i))
	}
	for i := 0; i < m.Messages().Len(); i++ {
		c.message(m.Messages().Get(i), unverified)
	}
}

func shape(f protoreflect.FieldDescriptor) string {
	typ := f.Kind().String()
	if f.Message() != nil {
		typ = string(f.Message().FullName())
	} else if f.Enum() != nil {
		typ = string(f.Enum().FullName())
	}
	return fmt.Sprintf("%s %s %s = %d (presence %t)", f.Cardinality(), typ, f.Name(), f.Number(), f.HasPresence())
}

func (c *comparison) enum(e protoreflect.EnumDescriptor) {
	other, ok := c.upstream(e, nil).(protoreflect.EnumDescriptor)
	if !ok {
		return
	}
	for i := 0; i < e.Values().Len(); i++ {
		v := e.Values().Get(i)
		c.compared++
		if w := other.Values().ByNumber(v.Number()); w == nil || w.Name() != v.Name() {
			c.differ("%s: upstream does not call %d %s", e.FullName(), v.Number(), v.Name())
		}
	}
}

func (c *comparison) service(s protoreflect.ServiceDescriptor, unverified []string) {
	other, ok := c.upstream(s, unverified).(protoreflect.ServiceDescriptor)
	if !ok {
		return
	}
	for i := 0; i < other.Methods().Len(); i++ {
		their := other.Methods().Get(i)
		c.compared++
		mine := s.Methods().ByName(their.Name())
		if mine == nil {
			c.differ("%s: ours has no method %s", s.FullName(), their.Name())
		} else if call(mine) != call(their) {
			c.differ("%s: ours is %s, upstream's %s", s.FullName(), call(mine), call(their))
		}
	}
}

func call(m protoreflect.MethodDescriptor) string {
	return fmt.Sprintf("%s(%s %t) %s %t", m.Name(), m.Input().FullName(), m.IsStreamingClient(), m.Output().FullName(), m.IsStreamingServer())
}
