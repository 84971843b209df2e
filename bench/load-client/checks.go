package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
)

// What each answer must be. A check gets what it returned for the answer before: fresh keys differ.
var checks = map[string]func(body []byte, previous string) (string, error){
	"data-key":         dataKey,
	"data-key-batch":   dataKeyBatch,
	"transit-data-key": transitDataKey,
	"transit-batch":    transitBatch,
}

func checkNames() []string { return slices.Sorted(maps.Keys(checks)) }

var errNotExpected = errors.New("an answer is not what was asked for")

type keyAndEnvelope struct {
	Plaintext string `json:"plaintext"`
	Envelope  string `json:"envelope"`
}

func dataKey(body []byte, previous string) (string, error) {
	var answer keyAndEnvelope
	if json.Unmarshal(body, &answer) != nil || !isFreshKey(answer.Plaintext, previous) || len(answer.Envelope) < 200 {
		return "", errNotExpected
	}
	return answer.Plaintext, nil
}

func dataKeyBatch(body []byte, previous string) (string, error) {
	var answer struct {
		Results []struct {
			Generate keyAndEnvelope `json:"generate"`
		} `json:"results"`
	}
	if json.Unmarshal(body, &answer) != nil || len(answer.Results) != 16 {
		return "", errNotExpected
	}
	for _, result := range answer.Results {
		if !isFreshKey(result.Generate.Plaintext, previous) || len(result.Generate.Envelope) < 200 {
			return "", errNotExpected
		}
		previous = result.Generate.Plaintext
	}
	return previous, nil
}

func transitDataKey(body []byte, previous string) (string, error) {
	var answer struct {
		Data struct{ Plaintext, Ciphertext string }
	}
	if json.Unmarshal(body, &answer) != nil || !isFreshKey(answer.Data.Plaintext, previous) {
		return "", errNotExpected
	}
	if !strings.HasPrefix(answer.Data.Ciphertext, "vault:v") {
		return "", errNotExpected
	}
	return answer.Data.Plaintext, nil
}

func transitBatch(body []byte, previous string) (string, error) {
	var answer struct {
		Data struct {
			BatchResults []struct{ Ciphertext string } `json:"batch_results"`
		}
	}
	if json.Unmarshal(body, &answer) != nil || len(answer.Data.BatchResults) != 16 {
		return "", errNotExpected
	}
	for _, result := range answer.Data.BatchResults {
		if !strings.HasPrefix(result.Ciphertext, "vault:v") || result.Ciphertext == previous {
			return "", errNotExpected
		}
		previous = result.Ciphertext
	}
	return previous, nil
}

func isFreshKey(text, previous string) bool {
	key, err := base64.StdEncoding.DecodeString(text)
	return err == nil && len(key) == 32 && text != previous
}
