// Keys by ETSI GS QKD 014 with Go's standard library alone (1.19 or later).
//
// A Kme is one SAE's way to its key management entity: with a client certificate, or with a bearer token. In main two
// SAEs share keys, one of each kind; with `npm start` running beside it:
//
//	go run examples/go/main.go
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

const (
	attempts    = 5
	longestWait = 30 * time.Second
	answerBytes = 4 << 20
)

// Key is one key of a Key container (clause 6.3). Bytes are the caller's own, to be wiped after use.
type Key struct {
	ID    string `json:"key_ID"`
	Bytes []byte `json:"key"`
}

// Refused says that the key management entity said no. RetryAfter is zero where it did not say when to ask again.
type Refused struct {
	Status     int
	Message    string
	RetryAfter time.Duration
}

func (refused *Refused) Error() string {
	return fmt.Sprintf("%s (HTTP %d)", refused.Message, refused.Status)
}

// Kme is one SAE's way to its key management entity.
type Kme struct {
	base  string
	token string
	http  *http.Client
}

// NewKme takes the token of an SAE, or a TLS configuration with its certificate.
func NewKme(base, token string, config *tls.Config) *Kme {
	return &Kme{base: base, token: token, http: &http.Client{
		Timeout: 75 * time.Second,
		// Not by a proxy.
		Transport: &http.Transport{TLSClientConfig: config},
		// A key management entity has no reason to send its clients, with their tokens, elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// GetKey has count keys of sizeBits given for this SAE and slave (clause 5.3).
func (kme *Kme) GetKey(ctx context.Context, slave string, count, sizeBits int) ([]Key, error) {
	return kme.keys(ctx, slave, "enc_keys", map[string]any{"number": count, "size": sizeBits}, count, sizeBits)
}

// GetKeyWithIDs fetches the keys that master was given (clause 5.4).
func (kme *Kme) GetKeyWithIDs(ctx context.Context, master string, ids []string) ([]Key, error) {
	wanted := make([]map[string]string, len(ids))
	for i, id := range ids {
		wanted[i] = map[string]string{"key_ID": id}
	}
	keys, err := kme.keys(ctx, master, "dec_keys", map[string]any{"key_IDs": wanted}, len(ids), 0)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]Key, len(keys))
	for _, key := range keys {
		byID[key.ID] = key
	}
	for i, id := range ids {
		key, ok := byID[id]
		if !ok {
			return nil, fmt.Errorf("the answer does not hold %s", id)
		}
		keys[i] = key
	}
	return keys, nil
}

// keys takes all of a Key container, or nothing of it. A sizeBits of 0 is any size.
func (kme *Kme) keys(ctx context.Context, sae, what string, body any, count, sizeBits int) ([]Key, error) {
	answer, err := kme.call(ctx, sae, what, body)
	if err != nil {
		return nil, err
	}
	var container struct {
		Keys []Key `json:"keys"`
	}
	if err := json.Unmarshal(answer, &container); err != nil {
		return nil, errors.New("the answer is no Key container")
	}
	if len(container.Keys) != count {
		return nil, fmt.Errorf("%d keys, not %d", len(container.Keys), count)
	}
	seen := make(map[string]bool, count)
	for _, key := range container.Keys {
		if size := len(key.Bytes) * 8; size == 0 || (sizeBits != 0 && size != sizeBits) {
			return nil, fmt.Errorf("key %s has %d bits", key.ID, size)
		}
		if seen[key.ID] {
			return nil, fmt.Errorf("key %s twice", key.ID)
		}
		seen[key.ID] = true
	}
	return container.Keys, nil
}

// call asks again after a 503, as nothing was consumed by it; after nothing else.
func (kme *Kme) call(ctx context.Context, sae, what string, body any) ([]byte, error) {
	for attempt := 0; ; attempt++ {
		answer, err := kme.callOnce(ctx, sae, what, body)
		var refused *Refused
		if !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable || attempt+1 == attempts {
			return answer, err
		}
		wait := time.Duration(float64(250*time.Millisecond<<attempt) * (0.5 + rand.Float64()/2))
		if refused.RetryAfter > wait {
			wait = refused.RetryAfter
		}
		if wait > longestWait {
			return nil, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (kme *Kme) callOnce(ctx context.Context, sae, what string, body any) ([]byte, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	to := fmt.Sprintf("%s/api/v1/keys/%s/%s", kme.base, url.PathEscape(sae), what)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(encoded))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if kme.token != "" {
		request.Header.Set("Authorization", "Bearer "+kme.token)
	}
	response, err := kme.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerBytes))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, refusal(response, answer)
	}
	return answer, nil
}

// refusal has the Error object's message (clause 6.5), where the answer is one.
func refusal(response *http.Response, answer []byte) error {
	var object struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(answer, &object) != nil || object.Message == "" {
		object.Message = "no reason given"
	}
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
	return &Refused{response.StatusCode, object.Message, time.Duration(seconds) * time.Second}
}

// certificate is a TLS configuration with one of the demo's certificates.
func certificate(state, name string) (*tls.Config, error) {
	certs := filepath.Join(state, "certs")
	authority, err := os.ReadFile(filepath.Join(certs, "ca.crt"))
	if err != nil {
		return nil, err
	}
	own, err := tls.LoadX509KeyPair(filepath.Join(certs, name+".crt"), filepath.Join(certs, name+".key"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, errors.New("ca.crt holds no certificate")
	}
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}, nil
}

func readJSON(into any, elements ...string) error {
	text, err := os.ReadFile(filepath.Join(elements...))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func share(ctx context.Context, state string) error {
	var listeners struct {
		Edge string            `json:"edge"`
		Kme  map[string]string `json:"kme"`
	}
	var tokens map[string]string
	if err := readJSON(&listeners, state, "ports.json"); err != nil {
		return err
	}
	if err := readJSON(&tokens, state, "tokens.json"); err != nil {
		return err
	}
	shown, err := certificate(state, "sae-a")
	if err != nil {
		return err
	}
	// sae-a at its own node, by certificate; sae-b through the edge, by token.
	alice, bob := NewKme(listeners.Kme["tn-1"], "", shown), NewKme(listeners.Edge, tokens["sae-b"], nil)

	// The master has keys given, and tells the other their IDs; that one fetches the same, once.
	given, err := alice.GetKey(ctx, "sae-b", 2, 256)
	if err != nil {
		return err
	}
	ids := []string{given[0].ID, given[1].ID}
	fetched, err := bob.GetKeyWithIDs(ctx, "sae-a", ids)
	if err != nil {
		return err
	}
	for i := range given {
		result := "UNEQUAL"
		if bytes.Equal(given[i].Bytes, fetched[i].Bytes) {
			result = "equal"
		}
		fmt.Println(given[i].ID, len(given[i].Bytes), "bytes", result)
		copy(given[i].Bytes, make([]byte, len(given[i].Bytes)))
		copy(fetched[i].Bytes, make([]byte, len(fetched[i].Bytes)))
	}
	if _, err = bob.GetKeyWithIDs(ctx, "sae-a", ids); err == nil {
		return errors.New("the same keys came TWICE")
	}
	fmt.Println("refused:", err)
	return nil
}

func main() {
	log.SetFlags(0)
	state := os.Getenv("QKD_STATE")
	if state == "" {
		state = ".qkd"
	}
	if err := share(context.Background(), state); err != nil {
		log.Fatal(err)
	}
}
