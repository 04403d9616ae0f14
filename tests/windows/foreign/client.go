// A client that knows nothing of our code: Go's os package on a named pipe. What it saw goes to
// standard output, one fact a line, for the test to judge.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

type answer struct {
	Jsonrpc string
	Id      *int
	Method  string
	Result  map[string]any
	Error   *struct {
		Code    int
		Message string
		Data    struct{ Name string }
	}
}

func fail(what string, err error) {
	fmt.Println("failed:", what, err)
	os.Exit(1)
}

type client struct {
	pipe  *os.File
	lines *bufio.Scanner
}

func connect(name string) *client {
	for attempt := 0; ; attempt++ {
		pipe, err := os.OpenFile(name, os.O_RDWR, 0)
		if err == nil {
			lines := bufio.NewScanner(pipe)
			lines.Buffer(nil, 1<<20)
			return &client{pipe, lines}
		}
		if attempt == 100 {
			fail("connect", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (c *client) ask(id int, method string, params map[string]any) {
	request := map[string]any{"jsonrpc": "2.0", "id": id, "method": method}
	if params != nil {
		request["params"] = params
	}
	line, err := json.Marshal(request)
	if err != nil {
		fail("marshal", err)
	}
	if _, err := c.pipe.Write(append(line, '\n')); err != nil {
		fail("write", err)
	}
}

func (c *client) read() answer {
	var a answer
	if !c.lines.Scan() {
		fail("read", c.lines.Err())
	}
	if err := json.Unmarshal(c.lines.Bytes(), &a); err != nil {
		fail("unmarshal", err)
	}
	return a
}

func (c *client) call(id int, method string, params map[string]any) answer {
	c.ask(id, method, params)
	for {
		if a := c.read(); a.Method == "" {
			if a.Jsonrpc != "2.0" || a.Id == nil || *a.Id != id {
				fail("answer", fmt.Errorf("%+v", a))
			}
			return a
		}
	}
}

func main() {
	name, directory := os.Args[1], os.Args[2]
	c := connect(name)
	fmt.Println("hello:", c.call(1, "hello", map[string]any{"protocol": 1, "client": "go"}).Result["platform"])
	fmt.Println("status:", c.call(2, "service.status", nil).Result["platform"])
	list := c.call(3, "reparse.list", map[string]any{"path": directory, "recurse": true}).Result
	fmt.Println("list:", list["directories"], "directories,", list["count"], "entries")
	fmt.Println("error:", c.call(4, "reparse.show", map[string]any{"path": directory + `\nothing`}).Error.Data.Name)
	for id := 100; id < 160; id++ {
		c.ask(id, "reparse.show", map[string]any{"path": directory})
	}
	inOrder := 0
	for id := 100; id < 160; id++ {
		if a := c.read(); a.Id != nil && *a.Id == id && a.Error.Data.Name == "NOT_A_REPARSE_POINT" {
			inOrder++
		}
	}
	fmt.Println("pipelined:", inOrder)
	c.pipe.Close()
	again := connect(name)
	fmt.Println("again:", again.call(1, "service.status", nil).Result["platform"])
	again.pipe.Close()
}
