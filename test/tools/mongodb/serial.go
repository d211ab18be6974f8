package main

import (
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
)

var errLength = errors.New("a message of an impossible length")

// Held from a command's beginning to its answer.
var one sync.Mutex

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
	one.Lock()
	defer one.Unlock()
	if _, err := server.Write(command); err != nil {
		return nil, err
	}
	// Of one that wants no answer it is not known when it is done.
	if wantsNoAnswer(command) {
		return nil, nil
	}
	return read(server)
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
