package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"sync"
	"time"
)

const (
	headerLength  = 16
	longest       = 64 << 20
	opMsg         = 2013
	moreToCome    = 1 << 1
	opcodeAt      = 12
	flagsAt       = headerLength
	shortestOpMsg = headerLength + 4
	// After the flags stand the kind of the section, the length of its document and the type of the first key.
	nameAt       = shortestOpMsg + 1 + 4 + 1
	lengthOfText = 4
)

var errLength = errors.New("a message of an impossible length")

// Of each database, held from a command's beginning to its answer: by one that writes alone, by those that read together.
var (
	locks   = map[string]*sync.RWMutex{}
	ofLocks sync.Mutex
)

// Commands that change nothing.
var reads = map[string]bool{"find": true, "getMore": true, "aggregate": true, "count": true, "hello": true, "ping": true}

// serve takes connections once the server proper does, until the context ends, each with a connection of its own to the server proper.
func serve(ctx context.Context, address, socket string) {
	for {
		server, err := net.Dial("unix", socket)
		if err == nil {
			server.Close()
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		<-ctx.Done()
		listener.Close()
	}()
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go pass(client, socket)
	}
}

func pass(client net.Conn, socket string) {
	defer client.Close()
	server, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer server.Close()
	for {
		command, err := read(client)
		if err != nil {
			return
		}
		answer, err := carryOut(server, command)
		if err != nil {
			return
		}
		if _, err := client.Write(answer); err != nil {
			return
		}
	}
}

func carryOut(server net.Conn, command []byte) ([]byte, error) {
	lock := lockOf(command)
	if reads[nameOf(command)] {
		lock.RLock()
		defer lock.RUnlock()
	} else {
		lock.Lock()
		defer lock.Unlock()
	}
	if _, err := server.Write(command); err != nil {
		return nil, err
	}
	// Of one that wants no answer it is not known when it is done.
	if wantsNoAnswer(command) {
		return nil, nil
	}
	return read(server)
}

// The name of a command is the first key of its document.
func nameOf(command []byte) string {
	if len(command) < nameAt {
		return ""
	}
	name, _, _ := bytes.Cut(command[nameAt:], []byte{0})
	return string(name)
}

var database = []byte("\x02$db\x00")

// The lock of the database that a command names; those that name none share one.
func lockOf(command []byte) *sync.RWMutex {
	_, after, found := bytes.Cut(command, database)
	name := []byte{}
	if found && len(after) > lengthOfText {
		name, _, _ = bytes.Cut(after[lengthOfText:], []byte{0})
	}
	ofLocks.Lock()
	defer ofLocks.Unlock()
	lock := locks[string(name)]
	if lock == nil {
		lock = &sync.RWMutex{}
		locks[string(name)] = lock
	}
	return lock
}

func wantsNoAnswer(command []byte) bool {
	return binary.LittleEndian.Uint32(command[opcodeAt:]) == opMsg &&
		len(command) >= shortestOpMsg && binary.LittleEndian.Uint32(command[flagsAt:])&moreToCome != 0
}

// read gives one message of MongoDB's wire protocol, with its header.
func read(from io.Reader) ([]byte, error) {
	header := make([]byte, headerLength)
	if _, err := io.ReadFull(from, header); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint32(header)
	if length < headerLength || length > longest {
		return nil, errLength
	}
	message := make([]byte, length)
	copy(message, header)
	_, err := io.ReadFull(from, message[headerLength:])
	return message, err
}
