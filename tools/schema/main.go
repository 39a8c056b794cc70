// Schema prints the merged schema of graph/*.graphqls to graph/schema.graphql: relay-compiler refuses "extend type Query" and reads this print, and a
// change of the contract shows as a diff of one file. It refuses what gqlgen and the clients would refuse. With -base it also renews
// graph/schema.base.graphql, against which a test looks for what breaks clients: that is done at a release.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
)

func main() {
	log.SetFlags(0)
	base := flag.Bool("base", false, "also write graph/schema.base.graphql: the schema of this release")
	flag.Parse()
	if err := write("graph", *base); err != nil {
		log.Fatal(err)
	}
}

func write(dir string, base bool) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.graphqls")) // sorted by name
	if err != nil {
		return err
	}
	var sources []*ast.Source
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return fmt.Errorf("read the schema: %w", err)
		}
		sources = append(sources, &ast.Source{Name: f, Input: string(text)})
	}
	schema, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		return err
	}
	if base {
		if err := writePrint(filepath.Join(dir, "schema.base.graphql"), "schema-base", schema, formatter.WithoutDescription()); err != nil {
			return err
		}
	}
	return writePrint(filepath.Join(dir, "schema.graphql"), "schema", schema)
}

func writePrint(file, target string, schema *ast.Schema, options ...formatter.FormatterOption) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Written by \"make %s\" from graph/*.graphqls. Do not edit.\n\n", target)
	formatter.NewFormatter(&out, append(options, formatter.WithIndent("  "))...).FormatSchema(schema)
	return os.WriteFile(file, out.Bytes(), 0o644)
}
