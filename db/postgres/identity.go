package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
)

// nobody is the uid that PostgreSQL believes it has; it has a passwd entry almost everywhere, which initdb wants.
const nobody = 65534

// identity is who the server runs as.
type identity struct {
	name  string
	attr  syscall.SysProcAttr
	chown bool // its files must belong to nobody, below directories that nobody may enter
}

// identities: PostgreSQL refuses to run as root. A user namespace in which root is called nobody needs no chown and works below root's home; where the
// kernel or a container forbids it, setuid to nobody, which needs binaries and data that nobody can reach.
func identities() []identity {
	base := syscall.SysProcAttr{Pdeathsig: syscall.SIGINT, Setpgid: true}
	if os.Getuid() != 0 {
		return []identity{{name: "myself", attr: base}}
	}
	ns, su := base, base
	ns.Cloneflags = syscall.CLONE_NEWUSER
	ns.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: 0, Size: 1}}
	ns.GidMappings = ns.UidMappings
	ns.Credential = &syscall.Credential{Uid: nobody, Gid: nobody, NoSetGroups: true} // Go changes the uid only when told
	su.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	return []identity{{name: "nobody in a user namespace", attr: ns}, {name: "nobody", attr: su, chown: true}}
}

// whoami decides by a probe that changes nothing, never by a failed start: a fall-back that takes over files after a failure makes them useless to both.
// It answers the server's major version too: a data directory of one is no use to another.
func whoami(ctx context.Context, bin string) (as identity, major string, err error) {
	var errs []error
	for _, as := range identities() {
		c := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version")
		c.SysProcAttr, c.Dir = &as.attr, "/"
		out, err := output(c)
		if err == nil {
			return as, regexp.MustCompile(`\d+`).FindString(string(out)), nil
		}
		errs = append(errs, fmt.Errorf("run %s/postgres as %s: %w: %s", bin, as.name, err, out))
	}
	return identity{}, "", errors.Join(errs...)
}

// own gives a tree to the identity's user, when that is another one.
func (i identity) own(tree string) error {
	if !i.chown {
		return nil
	}
	return filepath.WalkDir(tree, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(p, nobody, nobody)
	})
}

// reachable makes the cache directory, or one below /var/tmp when the identity may not enter the wanted one (root's home is closed to nobody).
func reachable(cache string, as identity) (string, error) {
	cache, err := filepath.Abs(cache)
	if err != nil {
		return "", err
	}
	if as.chown {
		if !open(cache) {
			cache = "/var/tmp/nameplate-nobody"
		}
		return cache, os.MkdirAll(cache, 0o711)
	}
	return cache, os.MkdirAll(cache, 0o700)
}

// open says whether everybody may pass through the existing part of the path.
func open(dir string) bool {
	for ; ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}
