package locale

import (
	"encoding/json"
	"fmt"
	"io/fs"
)

// Book holds the texts of one package: language, key, text.
type Book map[string]map[string]string

// Load reads text/<language>.json for each of the languages. It panics for a broken or missing file: a catalogue is part of the program.
func Load(files fs.FS) Book {
	book := Book{}
	for _, l := range languages {
		var texts map[string]string
		Read(files, l, &texts)
		book[l] = texts
	}
	return book
}

// Read reads text/<language>.json into what catalogue points to, and panics when it cannot.
func Read(files fs.FS, lang string, catalogue any) {
	name := "text/" + lang + ".json"
	raw, err := fs.ReadFile(files, name)
	if err == nil {
		err = json.Unmarshal(raw, catalogue)
	}
	if err != nil {
		panic(fmt.Sprintf("locale: %s: %v", name, err))
	}
}

// Has says whether a key has a text.
func (b Book) Has(key string) bool { _, ok := b[English][key]; return ok }

// Say writes the text of a key, in the language that serves a tag. Without a text it is the key, so that nothing is ever shown empty.
func (b Book) Say(tag, key string, values Values) string {
	lang := Of(tag)
	text, ok := b[lang][key]
	if !ok {
		if text, ok = b[English][key]; !ok {
			return key
		}
		lang = English
	}
	return Fill(lang, text, values)
}
