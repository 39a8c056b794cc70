package sink

import "testing"

// Whatever arrives is kept as it arrived, and reading it neither fails nor hangs.
func FuzzRead(f *testing.F) {
	f.Add([]byte("Subject: x\r\n\r\nhello"))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n!!\r\n--b--"))
	f.Add([]byte("Subject: =?utf-8?q?=ZZ?=\r\nContent-Type: multipart/x\r\n\r\n--"))
	f.Add([]byte{0, 255})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got := Read(raw); got.Raw != string(raw) {
			t.Errorf("kept %q of %q", got.Raw, raw)
		}
	})
}
