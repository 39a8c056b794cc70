package terminal

import (
	"testing"

	"github.com/nameplate-dev/nameplate/internal/kit/locale/localetest"
)

func TestTexts_EveryLanguageSaysTheSame(t *testing.T) {
	t.Parallel()
	localetest.Check(t, book)
}
