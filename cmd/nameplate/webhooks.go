package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/nameplate-dev/nameplate/cmd/nameplate/listen"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

const listenUsage = `Bring the webhooks of a TEST application to your own machine:

  nameplate webhooks listen --forward http://localhost:3000/hooks [flags]

  --forward address    where to post them; localhost:3000/hooks and 3000 will do
  --application name   which application: its id or its short name; without it the only TEST application
  --topics list        which topics, with commas, such as connection.*,certificate.issued; without it all that endpoints hear by *
  --server address     your installation; without it NAMEPLATE, or http://localhost:20100
  --key npk_…          an API key with application.read and webhook.read; better in NAMEPLATE_KEY, where no list of processes shows it
  --secret whsec_…     what they are signed with, or NAMEPLATE_WEBHOOK_SECRET; without it one that stays the same for key and application
  --json               one JSON object a line, for scripts
  --color auto         auto, always or never; NO_COLOR counts too

No endpoint is needed and none is made. Each message is posted once, signed like any other, in the order in which things happened. When the connection is
lost it comes back and goes on where it was. LIVE applications are refused: make an endpoint for them.

Exit codes: 0 ended by Ctrl-C, 1 it cannot go on, 2 called wrongly.
`

// webhooks holds what helps to develop with webhooks.
func webhooks(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "listen":
			return listenTo(ctx, args[1:], out)
		case "-h", "--help", "help":
			fmt.Fprint(out, listenUsage)
			return nil
		}
		return &wrongCall{fmt.Errorf("there is no %q: listen", args[0])}
	}
	return &wrongCall{errors.New("say what: listen")}
}

func listenTo(ctx context.Context, args []string, out io.Writer) error {
	l := listen.Listener{Out: out}
	var forward, key, signing, topics, colour string
	fs := flag.NewFlagSet("nameplate webhooks listen", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&forward, "forward", "", "")
	fs.StringVar(&l.Application, "application", "", "")
	fs.StringVar(&topics, "topics", "", "")
	fs.StringVar(&l.Server, "server", cmp.Or(os.Getenv("NAMEPLATE"), "http://localhost:20100"), "")
	fs.StringVar(&key, "key", os.Getenv("NAMEPLATE_KEY"), "")
	fs.StringVar(&signing, "secret", os.Getenv("NAMEPLATE_WEBHOOK_SECRET"), "")
	fs.BoolVar(&l.JSON, "json", false, "")
	fs.StringVar(&colour, "color", "auto", "")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(out, listenUsage)
		return nil
	} else if err != nil {
		return &wrongCall{err}
	}
	server, err := url.Parse(l.Server)
	switch {
	case fs.NArg() > 0:
		return &wrongCall{fmt.Errorf("%q is one too many", fs.Arg(0))}
	case forward == "":
		return &wrongCall{errors.New("say where to post them, such as --forward http://localhost:3000/hooks")}
	case key == "":
		return &wrongCall{errors.New("set NAMEPLATE_KEY to an API key; the console makes one at API keys")}
	case !strings.HasPrefix(key, "npk_"):
		return &wrongCall{errors.New("the key is no API key: those begin with npk_")}
	case err != nil || server.Scheme != "http" && server.Scheme != "https" || server.Host == "":
		return &wrongCall{errors.New("--server is the address of your installation, such as https://nameplate.example.com")}
	case colour != "auto" && colour != "always" && colour != "never":
		return &wrongCall{errors.New("--color is auto, always or never")}
	}
	if l.Forward, err = listen.Address(forward); err != nil {
		return &wrongCall{err}
	}
	if rest, is := strings.CutPrefix(signing, "whsec_"); signing != "" {
		if raw, err := base64.StdEncoding.DecodeString(rest); !is || err != nil || len(raw) < 24 {
			return &wrongCall{errors.New("--secret is whsec_ and base64 of at least 24 bytes, as endpoints have them")}
		}
	}
	for one := range strings.SplitSeq(topics, ",") {
		if one = strings.TrimSpace(one); one != "" {
			l.Topics = append(l.Topics, one)
		}
	}
	l.Key, l.Secret = secret.New(key), secret.New(signing)
	l.Terminal = colour == "always" || colour == "auto" && isTerminal(out) && os.Getenv("NO_COLOR") == ""
	return l.Run(ctx)
}
