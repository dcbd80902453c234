package linkapi

import (
	"errors"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestToken(t *testing.T) {
	a := newAPI(t)
	const token = "f00d-._~+/="
	srv := httptest.NewServer(&Server{Manager: a.m, Token: token})
	t.Cleanup(srv.Close)
	a.srv = srv
	for _, tt := range []struct {
		name, header string
		status       int
		says         string
	}{
		{"none", "", 401, "the API needs a token"},
		{"another scheme", "Basic " + token, 401, "the API needs a token"},
		{"no scheme", token, 401, "the API needs a token"},
		{"empty", "Bearer ", 401, "the token is wrong"},
		{"wrong", "Bearer food", 401, "the token is wrong"},
		{"beginning", "Bearer f00d", 401, "the token is wrong"},
		{"longer", "Bearer " + token + "x", 401, "the token is wrong"},
		{"right", "Bearer " + token, 200, "["},
		{"another case of the scheme", "bearer " + token, 200, "["},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, path := range []string{"/links", "/presets"} {
				status, text := a.do("GET", path, "", "Authorization", tt.header)
				if status != tt.status || !strings.Contains(text, tt.says) {
					t.Errorf("GET %s: %d %s, want %d %s", path, status, text, tt.status, tt.says)
				}
			}
		})
	}
	for _, c := range []Client{{Token: token}, {Token: "wrong"}, {}} {
		c.Addr = srv.Listener.Addr().String()
		_, err := c.List(t.Context())
		var e *Error
		if refused := errors.As(err, &e) && e.Status == 401 && e.Field == "token"; refused == (c.Token == token) {
			t.Errorf("client with the token %q: %v", c.Token, err)
		}
	}
}

// Serve refuses to serve other machines without a token.
func TestTokenRequired(t *testing.T) {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := (&Server{Manager: &Manager{}}).Serve(l); !errors.Is(err, ErrTokenRequired) {
		t.Errorf("Serve returned %v, want %v", err, ErrTokenRequired)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept returned %v, want that the listener is closed", err)
	}
}

func TestParseToken(t *testing.T) {
	for _, tt := range []struct{ name, file, want, err string }{
		{"plain", "f00d", "f00d", ""},
		{"white space around", " \tf00d\r\n\n", "f00d", ""},
		{"all characters", "aZ09-._~+/=", "aZ09-._~+/=", ""},
		{"longest", strings.Repeat("x", MaxToken), strings.Repeat("x", MaxToken), ""},
		{"empty", "", "", "it has no token"},
		{"only white space", " \n", "", "it has no token"},
		{"too long", strings.Repeat("x", MaxToken+1), "", "longer than 4096 bytes"},
		{"two lines", "f00d\nbeef\n", "", "only letters"},
		{"two words", "f00d beef", "", "only letters"},
		{"letter beyond ASCII", "f\u00f6\u00f6d", "", "only letters"},
		{"control character", "f\x1bd", "", "only letters"},
		{"no UTF-8", "f\xffd", "", "only letters"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseToken([]byte(tt.file))
			if got != tt.want || (err == nil) != (tt.err == "") ||
				err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q, %v, want %q, %q", got, err, tt.want, tt.err)
			}
		})
	}
}
