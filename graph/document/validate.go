package document

import (
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// MaxErrors is how many faults of one document are told: the first ones say enough.
const MaxErrors = 20

// terse are the rules as they are for strangers, and helpful those that also look for the name that was meant. Fields that overlap are left to Mergeable.
var terse, helpful = ruleset(false), ruleset(true)

func ruleset(suggest bool) map[string]core.RuleFunc {
	r := rules.NewDefaultRules()
	r.RemoveRule(rules.OverlappingFieldsCanBeMergedRule.Name)
	for _, quiet := range []struct{ loud, quiet core.Rule }{
		{rules.FieldsOnCorrectTypeRule, rules.FieldsOnCorrectTypeRuleWithoutSuggestions},
		{rules.KnownArgumentNamesRule, rules.KnownArgumentNamesRuleWithoutSuggestions},
		{rules.KnownTypeNamesRule, rules.KnownTypeNamesRuleWithoutSuggestions},
		{rules.ScalarLeafsRule, rules.ScalarLeafsRuleWithoutSuggestions},
		{rules.ValuesOfCorrectTypeRule, rules.ValuesOfCorrectTypeRuleWithoutSuggestions},
	} {
		if !suggest {
			r.ReplaceRule(quiet.loud.Name, quiet.quiet.RuleFunc)
		}
	}
	return r.GetInner()
}

// Validate answers at most MaxErrors faults of a document that Read has passed. suggest says whether "Did you mean" is looked for; that is dear, so it is
// done only when there are few faults to explain.
func Validate(schema *ast.Schema, doc *ast.QueryDocument, suggest bool) gqlerror.List {
	faults, all := apply(schema, doc, terse)
	if suggest && all > 0 && all <= MaxErrors {
		faults, _ = apply(schema, doc, helpful)
	}
	if len(faults) == 0 {
		if conflict, _ := Mergeable(schema, doc); conflict != nil {
			faults = gqlerror.List{conflict}
		}
	}
	for _, f := range faults {
		errcode.Set(f, errcode.ValidationFailed)
	}
	return faults
}

// apply runs rules over a document, keeps the first MaxErrors faults and counts all of them.
func apply(schema *ast.Schema, doc *ast.QueryDocument, set map[string]core.RuleFunc) (gqlerror.List, int) {
	all := 0
	bounded := rules.NewRules()
	for name, rule := range set {
		bounded.AddRule(name, func(on *core.Events, add core.AddErrFunc) {
			rule(on, func(options ...core.ErrorOption) {
				if all++; all <= MaxErrors {
					add(options...)
				}
			})
		})
	}
	return validator.ValidateWithRules(schema, doc, bounded), all
}
