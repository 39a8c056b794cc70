package domaincheck

import (
	"embed"

	"github.com/nameplate-dev/nameplate/internal/kit/locale"
)

//go:embed text/*.json
var texts embed.FS

// book holds what a check says besides findings.
var book = locale.Load(texts)
