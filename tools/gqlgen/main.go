// Gqlgen generates the GraphQL code of gqlgen.yml as gqlgen does, and beside it graph/gql/plan.generated.go: how graph/plan reads and writes each field.
// Both are made from the same bindings, so they cannot differ in what a field reads. The testing schema's executor is made after them, without a plan.
package main

import (
	_ "embed"
	"fmt"
	"go/types"
	"io"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/vektah/gqlparser/v2/ast"
)

//go:embed plan.gotpl
var planTemplate string

func main() {
	log.SetFlags(0)
	log.SetOutput(io.Discard) // gqlgen tells of every field that gets a resolver
	if err := generate(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// testing is the schema that only testing builds serve.
const testing = "graph/testing/gqlgen.yml"

func generate() error {
	if !slices.Contains(os.Args, testing) { // which generates that one alone
		cfg, err := config.LoadConfigFromDefaultLocations()
		if err != nil {
			return err
		}
		if err := api.Generate(cfg, api.AddPlugin(planner{})); err != nil {
			return err
		}
	}
	cfg, err := config.LoadConfig(testing)
	if err != nil {
		return err
	}
	return api.Generate(cfg)
}

// planner is a plugin of gqlgen.
type planner struct{}

func (planner) Name() string { return "plan" }

// GenerateCode runs after all types are bound.
func (planner) GenerateCode(data *codegen.Data) error {
	return templates.Render(templates.Options{
		PackageName: data.Config.Exec.Package,
		Filename:    filepath.Join(data.Config.Exec.Dir(), "plan.generated.go"),
		Template:    planTemplate,
		Data: struct {
			*codegen.Data
			Planned []*codegen.Object
			Written []*config.TypeReference
		}{data, planned(data), written(data)},
		Funcs: map[string]any{
			"writer":  func(t *config.TypeReference) string { return "write" + t.UniquenessKey() },
			"text":    text,
			"scalar":  scalar,
			"byValue": byValue,
			"takes":   takes,
		},
		GeneratedHeader: true,
		Packages:        data.Config.Packages,
	})
}

// planned are the objects that have a plan: all but those of introspection, which gqlgen answers.
func planned(data *codegen.Data) (objects []*codegen.Object) {
	for _, o := range data.Objects {
		if !strings.HasPrefix(o.Name, "__") {
			o := *o
			o.Fields = slices.DeleteFunc(slices.Clone(o.Fields), func(f *codegen.Field) bool {
				return strings.HasPrefix(f.Name, "__") || f.IsMap() || f.Batch || f.HasHaser || f.VOkFunc
			})
			objects = append(objects, &o)
		}
	}
	return objects
}

// written are the types of all planned fields and of what their lists hold, each once.
func written(data *codegen.Data) []*config.TypeReference {
	all := map[string]*config.TypeReference{}
	for _, o := range planned(data) {
		for _, f := range o.Fields {
			for t := f.TypeReference; t != nil && all[t.UniquenessKey()] == nil; t = t.Elem() {
				all[t.UniquenessKey()] = t
				if !t.IsSlice() && !t.IsPtrToSlice() && !t.IsPtrToPtr() && !t.IsPtrToIntf() {
					break
				}
			}
		}
	}
	var list []*config.TypeReference
	for _, key := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[key])
	}
	return list
}

// scalar names the method of plan.Run that writes what a marshaller of ours or of gqlgen's writes; "" when there is none.
func scalar(t *config.TypeReference) string {
	if t.Marshaler == nil || t.IsContext || t.HasEnumValues() {
		return ""
	}
	return map[string]string{
		"github.com/99designs/gqlgen/graphql.MarshalString":           "String",
		"github.com/99designs/gqlgen/graphql.MarshalBoolean":          "Bool",
		"github.com/99designs/gqlgen/graphql.MarshalInt32":            "Int",
		"github.com/99designs/gqlgen/graphql.MarshalInt64":            "Int",
		"github.com/nameplate-dev/nameplate/graph/scalar.MarshalTime": "Time",
		"github.com/nameplate-dev/nameplate/graph/scalar.MarshalJSON": "JSON",
	}[t.Marshaler.FullName()]
}

// text says that the type appends its own text, which needs no escapes: ids.
func text(t *config.TypeReference) bool {
	if !t.IsMarshaler {
		return false
	}
	method, _, _ := types.LookupFieldOrMethod(t.GO, true, nil, "AppendText")
	return method != nil
}

// byValue says that a type is an object kept by value: its writer takes a pointer, so that nothing is copied.
func byValue(t *config.TypeReference) bool {
	return t.Definition.Kind == ast.Object && !t.IsSlice() && !t.IsNilable()
}

// takes is what the writer of a type takes.
func takes(t *config.TypeReference) types.Type {
	if byValue(t) {
		return types.NewPointer(t.GO)
	}
	return t.GO
}
