// The tests' MongoDB-compatible server: FerretDB over SQLite files, embedded, because a program that is built as FerretDB's own
// command from the module proxy lacks the generated files that it wants to tell its version from.
//
// MongoDB carries out each write of one document as a whole; this FerretDB reads the document and then writes it, and what another
// client wrote in between is lost. So the server proper listens on a socket of its own, and of the clients' commands one that writes is let
// through to it while no other of the same database is (serial.go).
//
// Usage: mongodb ADDRESS FOLDER
package main

import (
	"context"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: mongodb ADDRESS FOLDER")
	}
	inside, err := os.MkdirTemp("", "mongodb-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(inside)
	socket := filepath.Join(inside, "socket")
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{Unix: socket},
		Logger:    slog.New(slog.NewTextHandler(io.Discard, nil)),
		Handler:   "sqlite",
		// What was written outlives the process, which is all that the tests kill.
		SQLiteURL: "file:" + os.Args[2] + "/?_pragma=synchronous(off)",
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go serve(ctx, os.Args[1], socket)
	if err := server.Run(ctx); err != nil {
		log.Fatal(err)
	}
}
