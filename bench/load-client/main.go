// Sends one request over and over on a fixed number of connections, checks every answer, and prints what it saw as one
// line of JSON. Compiled, so that the client costs little of the two cores that it shares with the server it measures.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type options struct {
	url         *url.URL
	header      string
	body        []byte
	connections int
	duration    time.Duration
	check       func(body []byte, previous string) (string, error)
}

type summary struct {
	Requests         int     `json:"requests"`
	Failures         int     `json:"failures"`
	FirstFailure     string  `json:"firstFailure,omitempty"`
	Seconds          float64 `json:"seconds"`
	P50Ms            float64 `json:"p50Ms"`
	P95Ms            float64 `json:"p95Ms"`
	P99Ms            float64 `json:"p99Ms"`
	ClientCPUSeconds float64 `json:"clientCpuSeconds"`
}

func main() {
	chosen, err := parse()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load-client:", err)
		os.Exit(2)
	}
	result := run(chosen)
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		os.Exit(1)
	}
}

func parse() (options, error) {
	target := flag.String("url", "", "http URL to POST to")
	headerFile := flag.String("header-file", "", "file with one header line (a token stays off the command line)")
	bodyFile := flag.String("body-file", "", "file with the JSON body")
	check := flag.String("check", "", "what every answer must be: "+strings.Join(checkNames(), ", "))
	connections := flag.Int("connections", 1, "connections, each with one request at a time")
	seconds := flag.Float64("seconds", 2, "how long")
	flag.Parse()
	parsed, err := url.Parse(*target)
	if err != nil || parsed.Scheme != "http" || parsed.Port() == "" {
		return options{}, fmt.Errorf("-url must be http://HOST:PORT/...")
	}
	header, err := os.ReadFile(*headerFile)
	if err != nil {
		return options{}, err
	}
	body, err := os.ReadFile(*bodyFile)
	if err != nil {
		return options{}, err
	}
	checked, known := checks[*check]
	if !known {
		return options{}, fmt.Errorf("-check must be one of %s", strings.Join(checkNames(), ", "))
	}
	duration := time.Duration(*seconds * float64(time.Second))
	return options{parsed, strings.TrimSpace(string(header)), body, *connections, duration, checked}, nil
}

func run(chosen options) summary {
	request := requestBytes(chosen)
	latencies := make([][]time.Duration, chosen.connections)
	var failures atomic.Int64
	var firstFailure atomic.Pointer[string]
	started := time.Now()
	var workers sync.WaitGroup
	for index := range latencies {
		workers.Add(1)
		go func() {
			defer workers.Done()
			err := drive(chosen, request, started.Add(chosen.duration), &latencies[index])
			if err != nil {
				text := err.Error()
				failures.Add(1)
				firstFailure.CompareAndSwap(nil, &text)
			}
		}()
	}
	workers.Wait()
	seconds := time.Since(started).Seconds()
	all := slices.Concat(latencies...)
	slices.Sort(all)
	result := summary{
		Requests: len(all), Failures: int(failures.Load()), Seconds: seconds,
		P50Ms: at(all, 0.5), P95Ms: at(all, 0.95), P99Ms: at(all, 0.99), ClientCPUSeconds: cpuSeconds(),
	}
	if text := firstFailure.Load(); text != nil {
		result.FirstFailure = *text
	}
	return result
}

func requestBytes(chosen options) []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "POST %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", chosen.url.RequestURI(), chosen.url.Host, chosen.header)
	fmt.Fprintf(&text, "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(chosen.body))
	text.Write(chosen.body)
	return text.Bytes()
}

// One connection. It ends at the first failure: a benchmark with failures is no benchmark.
func drive(chosen options, request []byte, end time.Time, latencies *[]time.Duration) error {
	connection, err := net.Dial("tcp", chosen.url.Host)
	if err != nil {
		return err
	}
	defer connection.Close()
	reader := bufio.NewReaderSize(connection, 32*1024)
	previous := ""
	for {
		sent := time.Now()
		if sent.After(end) {
			return nil
		}
		if err := connection.SetDeadline(sent.Add(10 * time.Second)); err != nil {
			return err
		}
		if _, err := connection.Write(request); err != nil {
			return err
		}
		body, err := answer(reader)
		if err != nil {
			return err
		}
		*latencies = append(*latencies, time.Since(sent))
		if previous, err = chosen.check(body, previous); err != nil {
			return err
		}
	}
}

func answer(reader *bufio.Reader) ([]byte, error) {
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		// Never the body: it might hold a key.
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	return body, nil
}

func at(sorted []time.Duration, share float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[int(float64(len(sorted)-1)*share)].Nanoseconds()) / 1e6
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	seconds := func(value syscall.Timeval) float64 { return float64(value.Sec) + float64(value.Usec)/1e6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}
