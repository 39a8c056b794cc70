package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// secretive names hold what only one side may know, or a hash that stands for it.
var secretive = regexp.MustCompile(`(?i)(hash|secret|signature|mac|digest|csrf|password|plain)$`)

// comparedPlainly lists where a file compares what only one side may know with == or a function that stops at the first difference: whoever measures the time learns
// how much was right.
func comparedPlainly(file *ast.File, set *token.FileSet) (out []string) {
	hidden := func(x ast.Expr) bool {
		switch x := x.(type) {
		case *ast.Ident:
			return secretive.MatchString(x.Name)
		case *ast.SelectorExpr:
			return secretive.MatchString(x.Sel.Name)
		case *ast.CallExpr:
			f, ok := x.Fun.(*ast.SelectorExpr)
			return ok && (f.Sel.Name == "Reveal" || f.Sel.Name == "MAC" || f.Sel.Name == "Hash")
		}
		return false
	}
	fixed := func(x ast.Expr) bool {
		_, literal := x.(*ast.BasicLit)
		name, ok := x.(*ast.Ident)
		return literal || ok && name.Name == "nil"
	}
	note := func(at token.Pos, how string) {
		out = append(out, fmt.Sprintf("%s: %s", set.Position(at), how))
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if (n.Op == token.EQL || n.Op == token.NEQ) && (hidden(n.X) || hidden(n.Y)) && !fixed(n.X) && !fixed(n.Y) {
				note(n.Pos(), n.Op.String())
			}
		case *ast.CallExpr:
			f, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || len(n.Args) != 2 {
				return true
			}
			if from, ok := f.X.(*ast.Ident); ok && (hidden(n.Args[0]) || hidden(n.Args[1])) {
				switch how := from.Name + "." + f.Sel.Name; how {
				case "bytes.Equal", "bytes.Compare", "slices.Equal", "strings.EqualFold", "strings.Compare", "reflect.DeepEqual":
					note(n.Pos(), how)
				}
			}
		}
		return true
	})
	return out
}

// TestSecretsAreComparedInConstantTime: keys, cookies, tokens, codes and signatures are compared by crypto/subtle and crypto/hmac alone (OWASP ASVS 5.0, 11.2.4).
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	t.Parallel()
	read, constant := 0, 0
	goFiles(t, func(file string) {
		in := func(dirs ...string) bool {
			for _, d := range dirs {
				if strings.HasPrefix(file, d+"/") {
					return true
				}
			}
			return false
		}
		if strings.HasSuffix(file, "_test.go") || !in("internal/platform", "internal/web", "internal/spine/vault", "internal/kit/secret", "internal/connect/widget", "internal/connect/webhook") {
			return
		}
		if in("internal/platform/audit", "internal/platform/sso/ssotest") { // hashes of chains are public; the other is a provider for tests
			return
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, filepath.Join(root, file), nil, parser.SkipObjectResolution)
		if err != nil {
			return // the compiler says it better
		}
		read++
		for _, at := range comparedPlainly(parsed, set) {
			t.Errorf("%s: compare this with subtle.ConstantTimeCompare or hmac.Equal", at)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && (s.Sel.Name == "ConstantTimeCompare" || s.Sel.Name == "Equal" && fmt.Sprint(s.X) == "hmac") {
				constant++
			}
			return true
		})
	})
	if read < 100 || constant < 5 {
		t.Errorf("%d files were read, %d comparisons found: this search means nothing", read, constant)
	}
}

// TestPlainComparisonsAreSeen: the search above finds what it should.
func TestPlainComparisonsAreSeen(t *testing.T) {
	t.Parallel()
	const source = `package x
func f(row struct{ SecretHash []byte }, sum, hash []byte, key secret, signature string) {
	_ = bytes.Equal(sum, row.SecretHash)
	_ = key.Reveal() == "a" + "b"
	_ = signature != other
	_ = hash == nil
	_ = len(hash) == 32
	_ = hmac.Equal(sum, hash)
	_ = signature == "none"
}`
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "x.go", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	if got := comparedPlainly(file, set); len(got) != 3 {
		t.Errorf("found %q", got)
	}
}
