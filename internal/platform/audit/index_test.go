package audit

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestNumbers_PackAndJoin(t *testing.T) {
	t.Parallel()
	for _, many := range []int{0, 1, 2, 63, 64, 65, 500, blockSize} {
		var in, out numbers
		var want []int64
		for _, n := range rand.Perm(blockSize)[:many] {
			in.add(n)
			want = append(want, int64(3*blockSize+n+1))
		}
		slices.Sort(want)
		packed := in.pack()
		if len(packed) > blockSize/8 {
			t.Errorf("%d numbers take %d bytes", many, len(packed))
		}
		if out.join(packed); out != in || !slices.Equal(out.of(3), want) {
			t.Errorf("%d numbers: %v became %v", many, want, out.of(3))
		}
	}
}

// Whatever a text holds, its words can be stored, and a part of the text that begins a word finds it.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"shop1.kunde17.example", "Müller & Söhne", "İstanbul ŞİŞLİ", "東京-Tower", "a\x00b", "\xff\xfe", "ǅ ß ﬁ", string(make([]byte, 200))} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, w := range split(text) {
			if w == "" || len(w) > wordLength || w >= "\U0010FFFF" || w < "\x04" {
				t.Errorf("%q has the word %q", text, w)
			}
			if again := split(w); len(again) != 1 || again[0] != w {
				t.Errorf("%q is found as %q", w, again)
			}
		}
	})
}
