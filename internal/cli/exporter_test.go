package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// passwordHash is the bcrypt hash of the password "secret".
const passwordHash = "$2a$04$m5wlgkGpzrU3CPNgltBNCex9qFtTDUSeYVBLGmIjRrPX3n2hVxTyy"

// TestExporterTLS serves probes over TLS to clients with a password.
func TestExporterTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	roots := writeCertificate(t, dir)
	config := filepath.Join(dir, "web.yml")
	text := fmt.Sprintf("tls_server_config: {cert_file: cert.pem, key_file: key.pem}\nbasic_auth_users: {prometheus: '%s'}\n", passwordHash)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := startProcess(1, []string{"exporter", "--listen", "127.0.0.1:0", "--web.config.file", config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true,
	}}
	for _, tt := range []struct {
		scheme, password string
		status           int
	}{
		{"https", "secret", http.StatusOK},
		{"https", "guess", http.StatusUnauthorized},
		{"https", "", http.StatusUnauthorized},
		{"http", "secret", http.StatusBadRequest},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tt.scheme+"://"+p.addrs[0]+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.password != "" {
			request.SetBasicAuth("prometheus", tt.password)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != tt.status ||
			strings.Contains(string(body), "ohce_exporter_") != (tt.status == http.StatusOK) {
			t.Errorf("%s with password %q: status %d, want %d; %v %.100q", tt.scheme, tt.password,
				response.StatusCode, tt.status, err, body)
		}
	}
	if text, err := p.stop(); err != nil {
		t.Errorf("exporter ended with %v and printed:\n%s", err, text)
	}
}

// writeCertificate writes a certificate for 127.0.0.1 and its key to cert.pem and key.pem in a
// directory. It returns the pool with the certificate.
func writeCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
	return pool
}
