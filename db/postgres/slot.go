package postgres

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// slots bounds how many servers one cache may run at once; a machine is out of memory long before.
const slots = 64

// takeSlot answers the first directory prefix-1, prefix-2, … that no living process holds, with its lock.
func takeSlot(prefix string) (dir string, lock *os.File, err error) {
	for n := range slots {
		dir := fmt.Sprintf("%s-%d", prefix, n+1)
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return "", nil, fmt.Errorf("take a slot: %w", err)
		}
		lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return "", nil, fmt.Errorf("take a slot: %w", err)
		}
		if flock(lock, false) == nil {
			return dir, lock, nil
		}
		lock.Close()
	}
	return "", nil, fmt.Errorf("all %d slots %s-… are taken", slots, prefix)
}

func flock(f *os.File, wait bool) error {
	how := syscall.LOCK_EX
	if !wait {
		how |= syscall.LOCK_NB
	}
	for {
		if err := syscall.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// fill copies the seed; a copy that was interrupted is thrown away by the next start.
func (c cluster) fill(data string) error {
	half := data + ".half"
	if err := errors.Join(os.RemoveAll(half), os.RemoveAll(data)); err != nil {
		return err
	}
	if err := copyTree(half, c.seed); err != nil {
		return err
	}
	if err := c.as.own(half); err != nil {
		return err
	}
	return os.Rename(half, data)
}

// copyTree copies directories and plain files with their permissions; a cluster has nothing else.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Mkdir(filepath.Join(to, rel), info.Mode().Perm())
		}
		in, err := os.Open(p)
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := os.OpenFile(filepath.Join(to, rel), os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm())
		if err != nil {
			return err
		}
		_, err = io.Copy(out, in)
		return errors.Join(err, out.Close())
	})
}

// longestSocket is what the kernel takes as the path of a unix socket, without its final zero.
const longestSocket = 107

// socketDir is the slot itself, or a short directory of its own when the slot's path is too long for a socket.
func (c cluster) socketDir(slot string, s *Server) (string, error) {
	dir := slot
	if len(filepath.Join(slot, ".s.PGSQL.5432")) > longestSocket {
		var err error
		if dir, err = os.MkdirTemp("", "np"+strconv.Itoa(os.Getuid())+"-"); err != nil {
			return "", fmt.Errorf("make a directory for the socket: %w", err)
		}
		s.sockets = dir
	}
	if c.as.chown { // the server makes its socket here, as another user
		return dir, os.Lchown(dir, nobody, nobody)
	}
	return dir, nil
}
