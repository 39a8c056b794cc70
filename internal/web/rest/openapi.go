package rest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/nameplate-dev/nameplate/graph/document"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// operations reads the documents against the schema, so that every field knows its definition.
func operations(schema *ast.Schema) (map[string]*ast.OperationDefinition, error) {
	out := map[string]*ast.OperationDefinition{}
	for name, text := range Documents() {
		tree, err := parser.ParseQuery(&ast.Source{Name: name, Input: text})
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if faults := document.Validate(schema, tree, true); len(faults) > 0 {
			return nil, fmt.Errorf("read %s: %w", name, faults)
		}
		out[name] = tree.Operations[0]
	}
	return out, nil
}

// object is a JSON object of the description.
type object = map[string]any

// description collects what a description refers to.
type description struct {
	schema *ast.Schema
	named  object // components/schemas
}

// describe writes the OpenAPI 3.1 description of the table, and of the webhooks that the product sends. The same table makes the same bytes.
func describe(schema *ast.Schema, routes []*route) ([]byte, error) {
	d := &description{schema, object{}}
	paths := object{}
	for _, t := range routes {
		at, ok := paths[t.path].(object)
		if !ok {
			at = object{}
			paths[t.path] = at
		}
		at[strings.ToLower(t.method)] = d.operation(t)
	}
	d.named["Problem"] = problemSchema
	return json.MarshalIndent(object{
		"openapi": "3.1.1",
		"info": object{"title": "Nameplate", "version": "1", "description": "The REST aliases of Nameplate's GraphQL API: the same fields, rights, limits and errors. docs/rest.md tells how they behave.",
			"license": object{"name": "Apache 2.0", "identifier": "Apache-2.0"}},
		"servers":  []object{{"url": "/"}},
		"security": []object{{"bearer": []string{}}},
		"paths":    paths,
		"webhooks": webhooks(),
		"components": object{"schemas": d.named, "securitySchemes": object{
			"bearer": object{"type": "http", "scheme": "bearer", "description": "An API key (npk_…), or a widget token for what widgets may do."}}},
	}, "", " ")
}

var problemSchema = object{
	"type": "object", "description": "Why a request was not answered (RFC 9457).", "required": []string{"type", "title", "status", "code", "errors"},
	"properties": object{
		"type":   object{"type": "string", "const": "about:blank"},
		"title":  object{"type": "string"},
		"status": object{"type": "integer"},
		"detail": object{"type": "string", "description": "A sentence for people."},
		"code": object{"type": "string", "enum": []string{"UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "INVALID", "CONFLICT", "PRECONDITION_FAILED", "VERSION_CONFLICT", "ENTITLEMENT_REQUIRED",
			"QUOTA_EXCEEDED", "STEP_UP_REQUIRED", "LOCKED", "RATE_LIMITED", "UNAVAILABLE", "INTERNAL"}, "description": "The class; never renamed."},
		"reason":     object{"type": "string", "description": "What exactly, in lower_snake_case."},
		"field":      object{"type": "string", "description": "Which member of the body or parameter is meant."},
		"requestId":  object{"type": "string", "description": "What to quote when you ask for help."},
		"retryAfter": object{"type": "integer", "description": "Seconds to wait."},
		"errors":     object{"type": "array", "description": "All mistakes of the request, each with the members above.", "items": object{"type": "object"}},
	},
}

func (d *description) operation(t *route) object {
	summary, more, _ := strings.Cut(d.about(t), ". ")
	out := object{"operationId": strings.ToLower(t.operation[:1]) + t.operation[1:], "summary": strings.TrimSuffix(summary, ".") + ".", "tags": []string{t.segments[2]}}
	if more != "" {
		out["description"] = more
	}
	if t.public {
		out["security"] = []object{{}, {"bearer": []string{}}}
	}
	if list := d.parameters(t); len(list) > 0 {
		out["parameters"] = list
	}
	if t.method != http.MethodGet && t.method != http.MethodDelete {
		out["requestBody"] = d.body(t)
	}
	out["responses"] = d.responses(t)
	return out
}

// about says what an address is for: what the schema says of the field that is answered. What is null there is not found here.
func (d *description) about(t *route) string {
	text, set := "", t.op.SelectionSet
	for name := range strings.SplitSeq(t.field, ".") {
		at := chosen(set, name)
		text, set = at.Definition.Description, at.SelectionSet
	}
	if len(set) == 1 {
		if one, ok := set[0].(*ast.InlineFragment); ok {
			text = d.schema.Types[one.TypeCondition].Description
		}
	}
	text, _, _ = strings.Cut(text, "; null when")
	return strings.TrimSpace(text)
}

func (d *description) parameters(t *route) (list []object) {
	for _, s := range t.segments {
		if name, is := parameter(s); is {
			p := object{"name": name, "in": "path", "required": true, "schema": object{"type": "string"}, "description": argument(t.op, name)}
			if t.input != nil && t.input.Fields.ForName(name) != nil {
				p["description"] = t.input.Fields.ForName(name).Description
			}
			list = append(list, p)
		}
	}
	for _, a := range t.asked {
		shape := d.kind(a.kind, nil)
		withDefault(shape, a.initial)
		p := object{"name": a.name, "in": "query", "schema": shape, "description": a.about}
		if a.kind.Elem != nil {
			p["explode"] = false
		}
		if a.kind.NonNull && a.initial == nil && a.name != organizes {
			p["required"] = true
		}
		list = append(list, p)
	}
	if t.method == http.MethodGet {
		return list
	}
	if t.op.Operation == ast.Mutation {
		list = append(list, object{"name": "Idempotency-Key", "in": "header", "schema": object{"type": "string", "maxLength": 200},
			"description": "For 24 hours the same key brings the same answer, and nothing is done twice."})
	}
	if t.input != nil && t.input.Fields.ForName(versionField) != nil {
		list = append(list, object{"name": "If-Match", "in": "header", "schema": object{"type": "string"}, "description": "The ETag that was read, instead of version in the body."})
	}
	return list
}

// body describes what a change takes.
func (d *description) body(t *route) object {
	properties, required := object{}, []string{}
	add := func(name, about string, kind *ast.Type, initial *ast.Value) {
		if t.inPath(name) || name == byWidget || name == "clientMutationId" { // the header Idempotency-Key says the latter
			return
		}
		shape := d.kind(kind, nil)
		withDefault(shape, initial)
		if about != "" {
			shape = annotated(shape, about)
		}
		properties[name] = shape
		if kind.NonNull && initial == nil && name != organizes && (name != versionField || t.input == nil) {
			required = append(required, name)
		}
	}
	if t.input != nil {
		for _, f := range t.input.Fields {
			add(f.Name, f.Description, f.Type, f.DefaultValue)
		}
	} else {
		for _, v := range t.op.VariableDefinitions {
			add(v.Variable, argument(t.op, v.Variable), v.Type, v.DefaultValue)
		}
	}
	return object{"required": len(required) > 0, "content": object{"application/json": object{"schema": object{"type": "object", "properties": properties, "required": required, "additionalProperties": false}}}}
}

func (d *description) responses(t *route) object {
	out := object{"default": object{"description": "It was not done, and why.", "content": object{"application/problem+json": object{"schema": reference("Problem")}}}}
	if t.empty {
		out["204"] = object{"description": "Done."}
		return out
	}
	said := object{"description": "The answer.", "content": object{"application/json": object{"schema": d.answer(t)}}}
	if t.object != "" {
		said["headers"] = object{"ETag": object{"description": "The version, for If-Match.", "schema": object{"type": "string"}}}
	}
	status := strconv.Itoa(http.StatusOK)
	if t.made != "" || t.operation == "CreateWidgetToken" {
		status = strconv.Itoa(http.StatusCreated)
		if t.root.Type.Name() == "StartConnectionPayload" {
			out["200"] = object{"description": "It was there already.", "content": said["content"]}
		}
	}
	if payload := d.schema.Types[t.root.Type.Name()]; payload.Fields.ForName("waiting") != nil {
		out["202"] = object{"description": "It waits for somebody's consent, or for its time.", "content": said["content"]}
	}
	out[status] = said
	return out
}

// answer describes the member of the operation that is answered.
func (d *description) answer(t *route) object {
	set := t.op.SelectionSet
	var at *ast.Field
	for name := range strings.SplitSeq(t.field, ".") {
		at = chosen(set, name)
		set = at.SelectionSet
	}
	shape := *at.Definition.Type
	shape.NonNull = true // null is answered with 404
	if shape.Elem != nil {
		return object{"type": "object", "required": []string{"data"}, "properties": object{"data": d.kind(&shape, set)}}
	}
	nodes, info := chosen(set, "nodes"), chosen(set, "pageInfo")
	if nodes == nil || info == nil {
		return d.kind(&shape, set)
	}
	properties := object{"data": d.kind(nodes.Definition.Type, nodes.SelectionSet), "pageInfo": d.kind(info.Definition.Type, info.SelectionSet)}
	if total := chosen(set, "totalCount"); total != nil {
		properties["totalCount"] = annotated(d.kind(total.Definition.Type, nil), total.Definition.Description)
	}
	return object{"type": "object", "required": []string{"data", "pageInfo"}, "properties": properties}
}

// chosen is the field of a selection; nil when it is not selected.
func chosen(set ast.SelectionSet, name string) *ast.Field {
	for _, s := range set {
		if f, ok := s.(*ast.Field); ok && f.Alias == name {
			return f
		}
	}
	return nil
}

// kind describes a type; set is what is selected of an object.
func (d *description) kind(t *ast.Type, set ast.SelectionSet) object {
	var shape object
	if t.Elem != nil {
		shape = object{"type": "array", "items": d.kind(t.Elem, set)}
	} else {
		shape = d.name(t.NamedType, set)
	}
	if t.NonNull {
		return shape
	}
	if kind, ok := shape["type"].(string); ok {
		shape = maps.Clone(shape)
		shape["type"] = []string{kind, "null"}
		return shape
	} else if len(shape) == 0 {
		return shape
	}
	return object{"anyOf": []object{shape, {"type": "null"}}}
}

func (d *description) name(name string, set ast.SelectionSet) object {
	def := d.schema.Types[name]
	switch def.Kind {
	case ast.Scalar:
		return scalar(name)
	case ast.Enum:
		if d.named[name] == nil {
			values := []string{}
			for _, v := range def.EnumValues {
				values = append(values, v.Name)
			}
			d.named[name] = object{"type": "string", "enum": values, "description": def.Description}
		}
		return reference(name)
	case ast.InputObject:
		if d.named[name] == nil {
			properties, required := object{}, []string{}
			d.named[name] = object{}
			for _, f := range def.Fields {
				shape := d.kind(f.Type, nil)
				withDefault(shape, f.DefaultValue)
				properties[f.Name] = annotated(shape, f.Description)
				if f.Type.NonNull && f.DefaultValue == nil {
					required = append(required, f.Name)
				}
			}
			d.named[name] = object{"type": "object", "description": def.Description, "properties": properties, "required": required, "additionalProperties": false}
		}
		return reference(name)
	}
	if len(set) == 1 {
		if f, ok := set[0].(*ast.FragmentSpread); ok {
			if d.named[f.Name] == nil {
				d.named[f.Name] = object{}
				d.named[f.Name] = d.selected(f.Definition.Definition, f.Definition.SelectionSet)
			}
			return reference(f.Name)
		}
	}
	return d.selected(def, set)
}

// selected describes an object by what is selected of it. Members may be added at any time, so others are never forbidden.
func (d *description) selected(def *ast.Definition, set ast.SelectionSet) object {
	properties, required := object{}, []string{}
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, s := range set {
			switch s := s.(type) {
			case *ast.Field:
				if s.Directives.ForName("skip") == nil {
					required = append(required, s.Alias)
				}
				properties[s.Alias] = annotated(d.kind(s.Definition.Type, s.SelectionSet), s.Definition.Description)
			case *ast.InlineFragment:
				def = d.schema.Types[s.TypeCondition]
				walk(s.SelectionSet)
			case *ast.FragmentSpread:
				walk(s.Definition.SelectionSet)
			}
		}
	}
	walk(set)
	return object{"type": "object", "description": def.Description, "properties": properties, "required": slices.Sorted(slices.Values(required))}
}

func scalar(name string) object {
	switch name {
	case "Int":
		return object{"type": "integer", "format": "int32"}
	case "Int64":
		return object{"type": "integer", "format": "int64"}
	case "Float":
		return object{"type": "number"}
	case "Boolean":
		return object{"type": "boolean"}
	case "Time":
		return object{"type": "string", "format": "date-time"}
	case "JSON":
		return object{}
	}
	return object{"type": "string"}
}

func reference(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// annotated adds what a member means; a reference may have a description beside it (JSON Schema 2020-12).
func annotated(shape object, about string) object {
	if about == "" {
		return shape
	}
	shape = maps.Clone(shape)
	shape["description"] = about
	return shape
}

func withDefault(shape object, v *ast.Value) {
	if v == nil || v.Kind == ast.NullValue {
		return
	}
	if value, err := v.Value(nil); err == nil {
		shape["default"] = value
	}
}

// argument is what the schema says of the argument that a variable is given to.
func argument(op *ast.OperationDefinition, variable string) (about string) {
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, s := range set {
			if f, ok := s.(*ast.Field); ok {
				for _, a := range f.Arguments {
					if a.Value.Kind == ast.Variable && a.Value.Raw == variable {
						about = f.Definition.Arguments.ForName(a.Name).Description
					}
					for _, member := range a.Value.Children {
						if member.Value.Kind == ast.Variable && member.Value.Raw == variable {
							about = a.Value.Definition.Fields.ForName(member.Name).Description
						}
					}
				}
				walk(f.SelectionSet)
			}
		}
	}
	walk(op.SelectionSet)
	return about
}
