// gohost loads external plugins through the plugin-sdk's catalog and drives
// them with JSON lines: one request per line on stdin, one answer per line on
// stdout. The plugins' logs and the host's own logs go to stderr as JSON.
//
//	gohost -config plugins.yaml [-emit-defaults] [-descriptors set.binpb] < requests
//	gohost -config plugins.yaml -bench '{"method":"GetKey","request":{},"n":1000,"concurrency":16}'
//
// Request:  {"id":1,"plugin":"AWS","method":"GetKey","request":{…},"timeoutMs":5000}
// ("plugin" and "type" may be left out when they are not needed to choose one.)
// Answer:   {"id":1,"ok":true,"ms":1.2,"response":{…}}
//
//	{"id":1,"ok":false,"ms":1.2,"code":"NOT_FOUND","message":"…","details":[…]}
//
// Besides the RPCs of the plugin's own service these methods are known:
// $health (what CMK's watcher asks every 30 s), $info, $exit, and
// {"method":"$bench","call":"GetKey","request":{},"n":1000,"concurrency":16}.
// Events: {"event":"loaded"|"load_failed"|"closed",…}. Exit status 0, or 2
// when loading failed, 3 when the configuration was unusable.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/openkcm/plugin-sdk/api"
	"github.com/openkcm/plugin-sdk/pkg/catalog"
	"github.com/openkcm/plugin-sdk/pkg/plugin"
	certv1 "github.com/openkcm/plugin-sdk/proto/plugin/certificate_issuer/v1"
	idmv1 "github.com/openkcm/plugin-sdk/proto/plugin/identity_management/v1"
	storev1 "github.com/openkcm/plugin-sdk/proto/plugin/keystore/management/v1"
	opsv1 "github.com/openkcm/plugin-sdk/proto/plugin/keystore/operations/v1"
	notifyv1 "github.com/openkcm/plugin-sdk/proto/plugin/notification/v1"
	sisv1 "github.com/openkcm/plugin-sdk/proto/plugin/systeminformation/v1"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails" // lets details print as JSON
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"gopkg.in/yaml.v3"
)

// services maps the plugin types, in the spellings CMK knows, to gRPC services.
var services = map[string]string{
	opsv1.Type:           opsv1.GRPCServiceFullName,
	storev1.Type:         storev1.GRPCServiceFullName,
	idmv1.Type:           idmv1.GRPCServiceFullName,
	"IdentityManagement": idmv1.GRPCServiceFullName,
	certv1.Type:          certv1.GRPCServiceFullName,
	"CertificateIssuer":  certv1.GRPCServiceFullName,
	sisv1.Type:           sisv1.GRPCServiceFullName,
	"SystemInformation":  sisv1.GRPCServiceFullName,
	notifyv1.Type:        notifyv1.GRPCServiceFullName,
	"Notification":       notifyv1.GRPCServiceFullName,
}

// --- what the catalog wants to know about each plugin type ------------------

type facade struct {
	plugin.Facade
	service string
}

func (f *facade) GRPCServiceName() string                      { return f.service }
func (f *facade) InitClient(conn grpc.ClientConnInterface) any { return conn }
func (f *facade) Version() uint                                { return 1 }

type pluginRepo struct{ typ, service string }

func (r pluginRepo) Binder() any             { return func(*facade) {} }
func (r pluginRepo) Versions() []api.Version { return []api.Version{version{r.service}} }
func (r pluginRepo) Clear()                  {}
func (r pluginRepo) Constraints() api.Constraints {
	if r.typ == opsv1.Type || r.typ == storev1.Type {
		return api.ZeroOrMore()
	}
	return api.MaybeOne()
}

type version struct{ service string }

func (v version) New() api.Facade  { return &facade{service: v.service} }
func (v version) Deprecated() bool { return false }

type repository struct{}

func (repository) Services() []api.ServiceRepo { return nil }
func (repository) Plugins() map[string]api.PluginRepo {
	m := map[string]api.PluginRepo{}
	for typ, service := range services {
		m[typ] = pluginRepo{typ, service}
	}
	return m
}

// --- configuration ----------------------------------------------------------

// pluginEntry has the keys of one entry of CMK's `plugins:` list.
type pluginEntry struct {
	Name              string            `yaml:"name"`
	Type              string            `yaml:"type"`
	Path              string            `yaml:"path"`
	Args              []string          `yaml:"args"`
	Env               map[string]string `yaml:"env"`
	Checksum          string            `yaml:"checksum"`
	Version           uint32            `yaml:"version"`
	YamlConfiguration string            `yaml:"yamlConfiguration"`
	LogLevel          string            `yaml:"logLevel"`
	Disabled          bool              `yaml:"disabled"`
	Tags              []string          `yaml:"tags"`
}

// readConfig reads YAML or JSON: a list of plugins, or a mapping with `plugins`.
func readConfig(path string) ([]catalog.PluginConfig, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Plugins []pluginEntry `yaml:"plugins"`
	}
	dec := yaml.NewDecoder(strings.NewReader(string(raw)))
	dec.KnownFields(true) // as in CMK, an unknown key is an error
	if err := dec.Decode(&file); err != nil {
		return nil, err
	}
	var out []catalog.PluginConfig
	for _, p := range file.Plugins {
		out = append(out, catalog.PluginConfig{
			Name: p.Name, Type: p.Type, Path: p.Path, Args: p.Args, Env: p.Env,
			Checksum: p.Checksum, Version: p.Version, YamlConfiguration: p.YamlConfiguration,
			LogLevel: p.LogLevel, Disabled: p.Disabled, Tags: p.Tags,
		})
	}
	return out, nil
}

// --- log handler that also notes how each child process ended ---------------

type exits struct {
	mu     sync.Mutex
	byName map[string]*exitNote
}

type exitNote struct {
	forced bool // the library gave up waiting and killed the process
	begin  time.Time
	took   time.Duration // between "Plugins unloading" and "Plugins unloaded", which no logLevel hides
	seen   bool          // an exit was logged
	pid    string
	err    string // wait error, e.g. "signal: killed" or "exit status 1"
}

func (e *exits) note(name string) *exitNote {
	if e.byName[name] == nil {
		e.byName[name] = &exitNote{}
	}
	return e.byName[name]
}

type logHandler struct {
	slog.Handler
	name  string
	exits *exits
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	for _, a := range attrs {
		if a.Key == catalog.Name {
			c.name = a.Value.String()
		}
	}
	c.Handler = h.Handler.WithAttrs(attrs)
	return &c
}

func (h *logHandler) WithGroup(g string) slog.Handler {
	c := *h
	c.Handler = h.Handler.WithGroup(g)
	return &c
}

func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	if h.name != "" {
		h.exits.mu.Lock()
		n := h.exits.note(h.name)
		switch r.Message {
		case "plugin process exited":
			n.seen = true
			r.Attrs(func(a slog.Attr) bool {
				switch a.Key {
				case "id":
					n.pid = a.Value.String()
				case "error":
					n.err = a.Value.String()
				}
				return true
			})
		case "plugin failed to exit gracefully":
			n.forced = true
		case "Plugins unloading":
			n.begin = time.Now()
		case "Plugins unloaded", "Failed to unload plugin":
			n.took = time.Since(n.begin)
		}
		h.exits.mu.Unlock()
	}
	return h.Handler.Handle(ctx, r)
}

// --- method lookup ----------------------------------------------------------

type methods struct{ extra, assumed *protoregistry.Files }

func lookup(files *protoregistry.Files, service, method string) protoreflect.MethodDescriptor {
	if files == nil {
		return nil
	}
	d, err := files.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return nil
	}
	return d.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(method))
}

// find looks in the -descriptors set, then in the SDK, then in the assumption.
// The second result says that messages must be built from the descriptor.
func (m methods) find(service, method string) (protoreflect.MethodDescriptor, bool) {
	if md := lookup(m.extra, service, method); md != nil {
		return md, true
	}
	if md := lookup(protoregistry.GlobalFiles, service, method); md != nil {
		return md, false
	}
	return lookup(m.assumed, service, method), true
}

// assumedKeyVersions adds the RPC GetKeyVersions, which plugin-sdk has had only
// since v0.15.0, to the v0.14.0 descriptor. Names and types are those CMK uses;
// THE FIELD NUMBERS ARE ASSUMED. -descriptors overrides it, and an SDK that has
// the RPC makes it unused.
func assumedKeyVersions() (*protoregistry.Files, error) {
	file := protodesc.ToFileDescriptorProto(opsv1.File_plugin_keystore_operations_v1_operations_proto)
	const pkg = ".plugin.keystore.operations.v1."
	field := func(name string, number int32, typ descriptorpb.FieldDescriptorProto_Type, typeName string, repeated bool) *descriptorpb.FieldDescriptorProto {
		f := &descriptorpb.FieldDescriptorProto{
			Name: &name, Number: &number, Type: &typ,
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}
		if repeated {
			f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
		}
		if typeName != "" {
			f.TypeName = &typeName
		}
		return f
	}
	message := func(name string, fields ...*descriptorpb.FieldDescriptorProto) {
		file.MessageType = append(file.MessageType, &descriptorpb.DescriptorProto{Name: &name, Field: fields})
	}
	const str, msg = descriptorpb.FieldDescriptorProto_TYPE_STRING, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
	message("GetKeyVersionsRequest", field("parameters", 1, msg, pkg+"RequestParameters", false))
	message("KeyVersion",
		field("version_id", 1, str, "", false),
		field("creation_time", 2, msg, ".google.protobuf.Timestamp", false),
		field("status", 3, str, "", false))
	message("GetKeyVersionsResponse", field("versions", 1, msg, pkg+"KeyVersion", true))
	file.Service[0].Method = append(file.Service[0].Method, &descriptorpb.MethodDescriptorProto{
		Name:       proto.String("GetKeyVersions"),
		InputType:  proto.String(pkg + "GetKeyVersionsRequest"),
		OutputType: proto.String(pkg + "GetKeyVersionsResponse"),
	})
	fd, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		return nil, err
	}
	files := new(protoregistry.Files)
	return files, files.RegisterFile(fd)
}

func newMessage(d protoreflect.MessageDescriptor, dynamic bool) proto.Message {
	if !dynamic {
		if t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName()); err == nil {
			return t.New().Interface()
		}
	}
	return dynamicpb.NewMessage(d)
}

func readDescriptors(path string) (*protoregistry.Files, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(raw, &set); err != nil {
		return nil, err
	}
	return protodesc.NewFiles(&set)
}

// --- host -------------------------------------------------------------------

type request struct {
	ID          json.RawMessage `json:"id,omitempty"`
	Plugin      string          `json:"plugin"`
	Type        string          `json:"type"`
	Method      string          `json:"method"`
	Request     json.RawMessage `json:"request"`
	TimeoutMs   float64         `json:"timeoutMs"`
	N           int             `json:"n"`           // $bench and -bench
	Concurrency int             `json:"concurrency"` // $bench and -bench
	Call        string          `json:"call"`        // $bench: the method to repeat
}

type answer struct {
	Event    string            `json:"event,omitempty"`
	ID       json.RawMessage   `json:"id,omitempty"`
	OK       bool              `json:"ok"`
	Ms       float64           `json:"ms"`
	Response json.RawMessage   `json:"response,omitempty"`
	Code     string            `json:"code,omitempty"`
	Message  string            `json:"message,omitempty"`
	Details  []json.RawMessage `json:"details,omitempty"`
	Plugins  []map[string]any  `json:"plugins,omitempty"`
}

type host struct {
	cat          *catalog.Catalog
	methods      methods
	emitDefaults bool
	outMu        sync.Mutex
	out          *json.Encoder
}

func (h *host) print(a answer) {
	h.outMu.Lock()
	defer h.outMu.Unlock()
	_ = h.out.Encode(a)
}

func since(t time.Time) float64 { return float64(time.Since(t).Microseconds()) / 1000 }

// target picks the one plugin that a request means.
func (h *host) target(r request) (catalog.Plugin, error) {
	var found catalog.Plugin
	for _, info := range h.cat.ListPluginInfo() {
		if (r.Plugin != "" && r.Plugin != info.Name()) || (r.Type != "" && r.Type != info.Type()) {
			continue
		}
		if found != nil {
			return nil, errors.New("more than one plugin fits: give plugin and type")
		}
		found = h.cat.LookupByTypeAndName(info.Type(), info.Name())
	}
	if found == nil {
		return nil, errors.New("no such plugin")
	}
	return found, nil
}

// prepare turns a request into a function that makes the call once.
func (h *host) prepare(p catalog.Plugin, method string, body json.RawMessage) (func(context.Context) (proto.Message, error), error) {
	service := services[p.Info().Type()]
	if method == "$health" {
		client := healthv1.NewHealthClient(p.ClientConnection())
		return func(ctx context.Context) (proto.Message, error) {
			return client.Check(ctx, &healthv1.HealthCheckRequest{Service: "plugin"})
		}, nil
	}
	md, dynamic := h.methods.find(service, method)
	if md == nil {
		return nil, fmt.Errorf("service %s has no method %s here", service, method)
	}
	in := newMessage(md.Input(), dynamic)
	if len(body) > 0 {
		if err := protojson.Unmarshal(body, in); err != nil {
			return nil, err
		}
	}
	path := "/" + service + "/" + method
	return func(ctx context.Context) (proto.Message, error) {
		out := newMessage(md.Output(), dynamic)
		return out, p.ClientConnection().Invoke(ctx, path, in, out)
	}, nil
}

func (h *host) fail(a *answer, err error) {
	st, ok := status.FromError(err)
	if !ok {
		a.Code, a.Message = "HOST_ERROR", err.Error()
		return
	}
	a.Code, a.Message = codeName(st.Code()), st.Message()
	for _, d := range st.Proto().GetDetails() {
		raw, err := protojson.Marshal(d)
		if err != nil { // a type we do not know
			raw, _ = json.Marshal(map[string]any{"@type": d.GetTypeUrl(), "value": d.GetValue()})
		}
		a.Details = append(a.Details, raw)
	}
}

// codeName gives the specification's spelling, e.g. NOT_FOUND.
func codeName(c codes.Code) string {
	names := []string{"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED",
		"NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
		"FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL",
		"UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"}
	if int(c) < len(names) {
		return names[c]
	}
	return strconv.Itoa(int(c))
}

func (h *host) serve(ctx context.Context, r request) (a answer) {
	a.ID = r.ID
	if r.TimeoutMs > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(r.TimeoutMs*float64(time.Millisecond)))
		defer cancel()
	}
	if r.Method == "$info" {
		a.OK, a.Plugins = true, h.info()
		return a
	}
	p, err := h.target(r)
	if err != nil {
		h.fail(&a, err)
		return a
	}
	method := r.Method
	if method == "$bench" {
		method = r.Call
	}
	call, err := h.prepare(p, method, r.Request)
	if err != nil {
		h.fail(&a, err)
		return a
	}
	start := time.Now()
	if r.Method == "$bench" {
		a.OK, a.Response = true, h.bench(ctx, r, call)
		a.Ms = since(start)
		return a
	}
	out, err := call(ctx)
	a.Ms = since(start)
	if err != nil {
		h.fail(&a, err)
		return a
	}
	a.OK = true
	a.Response, err = protojson.MarshalOptions{EmitUnpopulated: h.emitDefaults}.Marshal(out)
	if err != nil {
		a.OK = false
		h.fail(&a, err)
	}
	return a
}

func (h *host) bench(ctx context.Context, r request, call func(context.Context) (proto.Message, error)) json.RawMessage {
	n, c := max(r.N, 1), max(r.Concurrency, 1)
	took := make([]float64, n)
	var next, failed atomic.Int64
	var first atomic.Value
	var wg sync.WaitGroup
	start := time.Now()
	for range c {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				i := next.Add(1) - 1
				if i >= int64(n) {
					return
				}
				t := time.Now()
				if _, err := call(ctx); err != nil {
					failed.Add(1)
					first.CompareAndSwap(nil, err.Error())
				}
				took[i] = since(t)
			}
		}()
	}
	wg.Wait()
	total := time.Since(start).Seconds()
	sort.Float64s(took)
	at := func(q float64) float64 { return took[min(n-1, int(q*float64(n)))] }
	raw, _ := json.Marshal(map[string]any{
		"n": n, "concurrency": c, "failed": failed.Load(), "firstError": first.Load(),
		"seconds": total, "perSecond": float64(n) / total,
		"p50Ms": at(0.50), "p90Ms": at(0.90), "p99Ms": at(0.99), "maxMs": took[n-1],
	})
	return raw
}

func (h *host) info() []map[string]any {
	var list []map[string]any
	for _, info := range h.cat.ListPluginInfo() {
		p := h.cat.LookupByTypeAndName(info.Type(), info.Name())
		list = append(list, map[string]any{
			"name": info.Name(), "type": info.Type(), "version": info.Version(),
			"tags": info.Tags(), "build": info.Build(), "services": p.GrpcServiceNames(),
		})
	}
	return list
}

// closed reports, per plugin, whether it ended by itself or had to be killed.
func closed(e *exits, names []string) []map[string]any {
	// The exit is logged by a goroutine of the library: give it a moment.
	for deadline := time.Now().Add(200 * time.Millisecond); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		e.mu.Lock()
		missing := 0
		for _, name := range names {
			if !e.note(name).seen {
				missing++
			}
		}
		e.mu.Unlock()
		if missing == 0 {
			break
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []map[string]any
	for _, name := range names {
		n := e.note(name)
		how := "self"
		switch {
		case n.forced || n.err == "signal: killed":
			how = "killed"
		case !n.seen && n.took >= 2*time.Second: // logLevel hid the messages; 2 s is the library's grace
			how = "killed"
		}
		list = append(list, map[string]any{
			"name": name, "pid": n.pid, "exit": how, "waitError": n.err,
			"ms": float64(n.took.Microseconds()) / 1000,
		})
	}
	return list
}

func main() {
	configPath := flag.String("config", "", "plugin list, YAML or JSON")
	descriptors := flag.String("descriptors", "", "FileDescriptorSet that adds or replaces RPCs (imports included)")
	benchJSON := flag.String("bench", "", "run this bench request, then close")
	emitDefaults := flag.Bool("emit-defaults", false, "print fields with default values too")
	comparePath := flag.String("compare", "", "FileDescriptorSet to compare with upstream's, then end")
	unverified := flag.String("unverified", "", "full names, with commas, that upstream does not have yet")
	flag.Parse()

	if *comparePath != "" {
		differences, compared, err := compare(*comparePath, strings.Split(*unverified, ","))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		json.NewEncoder(os.Stdout).Encode(map[string]any{"compared": compared, "differences": differences})
		return
	}

	h := &host{out: json.NewEncoder(os.Stdout), emitDefaults: *emitDefaults}
	h.out.SetEscapeHTML(false)
	ex := &exits{byName: map[string]*exitNote{}}
	logger := slog.New(&logHandler{
		Handler: slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug - 4}),
		exits:   ex,
	})
	slog.SetDefault(logger)

	configs, err := readConfig(*configPath)
	if err == nil {
		h.methods.assumed, err = assumedKeyVersions()
	}
	if err == nil && *descriptors != "" {
		h.methods.extra, err = readDescriptors(*descriptors)
	}
	if err != nil {
		h.print(answer{Event: "load_failed", Code: "HOST_ERROR", Message: err.Error()})
		os.Exit(3)
	}
	var names []string
	for _, c := range configs {
		if c.IsEnabled() {
			names = append(names, c.Name)
		}
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	start := time.Now()
	h.cat, err = catalog.New(ctx, catalog.Config{Logger: logger, PluginConfigs: configs}, repository{})
	if err != nil {
		h.print(answer{Event: "load_failed", Ms: since(start), Code: "LOAD_FAILED", Message: err.Error()})
		os.Exit(2)
	}
	h.print(answer{Event: "loaded", OK: true, Ms: since(start), Plugins: h.info()})

	if *benchJSON != "" {
		var r request
		if err := json.Unmarshal([]byte(*benchJSON), &r); err != nil {
			h.print(answer{Code: "HOST_ERROR", Message: err.Error()})
		} else {
			r.Call, r.Method = r.Method, "$bench"
			h.print(h.serve(ctx, r))
		}
	} else {
		h.loop(ctx, os.Stdin)
	}

	start = time.Now()
	err = h.cat.Close()
	done := answer{Event: "closed", OK: err == nil, Ms: since(start), Plugins: closed(ex, names)}
	if err != nil {
		done.Message = err.Error()
	}
	h.print(done)
}

// loop serves requests concurrently until end of input, $exit or a signal.
func (h *host) loop(ctx context.Context, in io.Reader) {
	lines := make(chan []byte)
	go func() {
		defer close(lines)
		sc := bufio.NewScanner(in)
		sc.Buffer(make([]byte, 0, 1<<20), 64<<20)
		for sc.Scan() {
			lines <- append([]byte(nil), sc.Bytes()...)
		}
	}()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case line, ok := <-lines:
			if !ok {
				return
			}
			var r request
			if err := json.Unmarshal(line, &r); err != nil {
				h.print(answer{Code: "HOST_ERROR", Message: "bad request line: " + err.Error()})
				continue
			}
			if r.Method == "$exit" {
				return
			}
			wg.Add(1)
			go func() {
				defer wg.Done()
				h.print(h.serve(ctx, r))
			}()
		}
	}
}
