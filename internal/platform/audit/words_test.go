package audit_test

import (
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/kit/locale/localetest"
	"github.com/nameplate-dev/nameplate/internal/platform/audit"
	"golang.org/x/mod/sumdb/tlog"
)

func TestWords_InFourLanguages(t *testing.T) {
	t.Parallel()
	localetest.Check(t, audit.Book)
}

// Every action that the code records as audited has a sentence. An action that is made from parts is not seen here and is told by its name until it has one.
func TestWords_ForEveryAction(t *testing.T) {
	t.Parallel()
	seen := 0
	recorded := regexp.MustCompile(`Action: *"([a-z_]+\.[a-z_]+)"[^\n]*\n?[^\n]*Audited: *true`)
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, m := range recorded.FindAllStringSubmatch(string(raw), -1) {
			seen++
			if !audit.Book.Has(m[1]) {
				t.Errorf("%s records %s, and nobody reads in words what that is: add it to internal/platform/audit/text", path, m[1])
			}
		}
		return err
	})
	if err != nil || seen < 20 {
		t.Errorf("saw %d actions: %v", seen, err)
	}
}

func TestWords_RolesHaveNames(t *testing.T) {
	t.Parallel()
	row := &audit.Audit{Action: "member.joined", Actor: &audit.AuditActor{Label: "Ana"}, Args: []byte(`{"user":"Ana","roles":["BILLING_ADMIN","OWNER"]}`)}
	for tag, want := range map[string]string{"en": "Ana joined as Billing, Owner.", "de-AT": "Ana ist als Abrechnung, Inhaber beigetreten."} {
		if got := audit.Message(row, tag); got != want {
			t.Errorf("%s: %q", tag, got)
		}
	}
}

// follows checks a proof as somebody would who has the answer alone.
func follows(t *testing.T, b *logBundle, p *audit.AuditProof, seq int32) bool {
	t.Helper()
	var hash string
	if err := b.DBOf().QueryRow(t.Context(), "select encode(hash, 'hex') from event where chain = $1 and seq = $2", b.Org.String(), seq).Scan(&hash); err != nil {
		t.Fatal(err)
	}
	leaf, _ := hex.DecodeString(hash)
	way := tlog.RecordProof{}
	for _, s := range p.InclusionProof {
		raw, _ := base64.StdEncoding.DecodeString(s)
		way = append(way, tlog.Hash(raw))
	}
	root, _ := base64.StdEncoding.DecodeString(p.RootHash)
	return strings.Contains(p.SignedNote, p.RootHash) && tlog.CheckRecord(way, int64(p.TreeSize), tlog.Hash(root), int64(seq-1), tlog.RecordHash(leaf)) == nil
}
