// Schema prints the merged schema of graph/*.graphqls to graph/schema.graphql: relay-compiler refuses "extend type Query" and reads this print, and a
// change of the contract shows as a diff of one file. It refuses what gqlgen and the clients would refuse.
package main

import (
	"bytes"
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
	if err := write("graph"); err != nil {
		log.Fatal(err)
	}
}

func write(dir string) error {
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
	var out bytes.Buffer
	out.WriteString("# Written by \"make schema\" from graph/*.graphqls. Do not edit.\n\n")
	formatter.NewFormatter(&out, formatter.WithIndent("  ")).FormatSchema(schema)
	return os.WriteFile(filepath.Join(dir, "schema.graphql"), out.Bytes(), 0o644)
}
