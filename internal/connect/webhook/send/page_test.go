package send

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/doctest"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

// pageTails are put behind the code of docs/webhooks.md: they read messages as JSON, one a line, and print true or false for each.
var pageTails = map[string]string{
	"go": `package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	for d := json.NewDecoder(os.Stdin); d.More(); {
		var m struct {
			Secret, ID, Timestamp, Signatures string
			Body                              []byte
		}
		if err := d.Decode(&m); err != nil {
			panic(err)
		}
		fmt.Println(verify(m.Secret, m.ID, m.Timestamp, m.Signatures, m.Body))
	}
}
`,
	"ts": `
import { readFileSync } from "node:fs";
for (const line of readFileSync(0, "utf8").trim().split("\n")) {
  const m = JSON.parse(line);
  console.log(verify(m.secret, m.id, m.timestamp, m.signatures, Buffer.from(m.body, "base64")));
}`,
	"python": `
import json, sys
for line in sys.stdin:
    m = json.loads(line)
    print(str(verify(m["secret"], m["id"], m["timestamp"], m["signatures"], base64.b64decode(m["body"]))).lower())
`,
	"php": `
while (($line = fgets(STDIN)) !== false) {
    $m = json_decode($line, true);
    echo verify($m['secret'], $m['id'], $m['timestamp'], $m['signatures'], base64_decode($m['body'])) ? "true\n" : "false\n";
}`,
	"ruby": `
require "json"
STDIN.each_line do |line|
  m = JSON.parse(line)
  puts verify(m["secret"], m["id"], m["timestamp"], m["signatures"], m["body"].unpack1("m"))
end`,
}

// TestPage_VerificationCode runs the code that docs/webhooks.md shows, in each language whose runtime is here, against messages as we sign them.
func TestPage_VerificationCode(t *testing.T) {
	t.Parallel()
	messages, want := pageMessages(t)
	doctest.Verify(t, "../../../../docs/webhooks.md", pageTails, messages, want)
}

const npmVerify = `
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
const { Webhook } = createRequire(process.argv[2])("standardwebhooks");
for (const line of readFileSync(0, "utf8").trim().split("\n")) {
  const m = JSON.parse(line);
  const headers = { "webhook-id": m.id, "webhook-timestamp": m.timestamp, "webhook-signature": m.signatures };
  try {
    new Webhook(m.secret).verify(Buffer.from(m.body, "base64").toString(), headers);
    console.log(true);
  } catch (e) {
    if (e.name !== "WebhookVerificationError") throw e;
    console.log(false);
  }
}`

// TestStandardWebhooks_NpmVerifiesOurMessages holds our signatures to the public library for JavaScript; bundle_test does it with the one for Go.
func TestStandardWebhooks_NpmVerifiesOurMessages(t *testing.T) {
	t.Parallel()
	front, err := filepath.Abs("../../../../frontend")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not here")
	}
	if _, err := os.Stat(filepath.Join(front, "node_modules/standardwebhooks")); err != nil {
		t.Skip("the packages of frontend are not installed")
	}
	script := filepath.Join(t.TempDir(), "verify.mjs")
	if err := os.WriteFile(script, []byte(npmVerify), 0o600); err != nil {
		t.Fatal(err)
	}
	messages, want := pageMessages(t)
	cmd := exec.CommandContext(t.Context(), "node", script, filepath.Join(front, "package.json"))
	cmd.Stdin = bytes.NewReader(messages)
	out, err := cmd.CombinedOutput()
	if got := strings.Fields(string(out)); err != nil || strings.Join(got, " ") != want {
		t.Errorf("%s, not %s (%v)", out, want, err)
	}
}

// pageMessages answers signed messages and what verify has to say of each.
func pageMessages(t *testing.T) (lines []byte, want string) {
	t.Helper()
	now, body := time.Now(), []byte(`{"topic":"connection.live","data":{"hostname":"bücher.example"}}`+"\n")
	one, _ := NewSecret()
	other, _ := NewSecret()
	add := func(ok bool, s secret.String, id string, at time.Time, signatures string, body []byte) {
		line, err := json.Marshal(map[string]string{"secret": s.Reveal(), "id": id, "timestamp": strconv.FormatInt(at.Unix(), 10), "signatures": signatures, "body": base64.StdEncoding.EncodeToString(body)})
		if err != nil {
			t.Fatal(err)
		}
		lines, want = append(append(lines, line...), '\n'), strings.TrimSpace(want+" "+strconv.FormatBool(ok))
	}
	sign := func(at time.Time, secrets ...secret.String) string {
		text, err := Sign("evt_1", at, body, secrets...)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	add(true, one, "evt_1", now, sign(now, one), body)
	add(true, one, "evt_1", now, sign(now, other, one), body) // during a rotation, with the former secret
	add(false, other, "evt_1", now, sign(now, one), body)
	add(false, one, "evt_2", now, sign(now, one), body)
	add(false, one, "evt_1", now, sign(now, one), append(body, ' '))
	add(false, one, "evt_1", now.Add(time.Second), sign(now, one), body)
	add(false, one, "evt_1", now.Add(-time.Hour), sign(now.Add(-time.Hour), one), body) // recorded and sent again
	add(false, one, "evt_1", now, "v1,", body)
	return lines, want
}
