package main

import "context"

func bigLog(context.Context, options) error { return nil }
