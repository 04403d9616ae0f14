'use strict';
// A client of junctiond written from protocol.md alone: nothing but Node's own `net`.
//
//   node client.js SOCKET create LINK TARGET | show PATH | list PATH | delete LINK
//
// Prints results as JSON, one a line; an error goes to stderr as NAME: message, and the exit status is 1.

const net = require('net');

class Junction {
  constructor(address) {
    this.last = 0;
    this.waiting = new Map();
    this.rest = '';
    this.socket = net.connect(address);
    this.socket.setEncoding('utf8'); // keeps a character that two packets share in one piece
    this.socket.on('data', text => {
      const lines = (this.rest + text).split('\n');
      this.rest = lines.pop();
      lines.forEach(line => this.receive(JSON.parse(line)));
    });
    this.socket.on('error', error => this.fail(error));
    this.socket.on('close', () => this.fail(new Error('the service closed the connection')));
  }

  receive({ id, method, params, result, error }) {
    if (method === 'reparse.entries') {
      this.waiting.get(params.id)?.onEntries?.(params.entries);
    } else if (method === undefined && id === null) {
      this.fail(new Error(`${error.data.name}: ${error.message}`)); // about the connection, not about a request
    } else if (method === undefined) {
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      if (error) reject(Object.assign(new Error(`${error.data.name}: ${error.message}`), { code: error.data.name }));
      else resolve(result);
    } // any other notification is for those who know it
  }

  fail(error) {
    this.waiting.forEach(({ reject }) => reject(error));
    this.waiting.clear();
  }

  call(method, params, onEntries) {
    return new Promise((resolve, reject) => {
      const id = ++this.last;
      this.waiting.set(id, { resolve, reject, onEntries });
      this.socket.write(JSON.stringify({ jsonrpc: '2.0', id, method, params }) + '\n');
    });
  }

  create(link, target, options) { return this.call('junction.create', { link, target, ...options }); }
  show(path, options) { return this.call('reparse.show', { path, ...options }); }
  delete(link, options) { return this.call('junction.delete', { link, ...options }); }
  list(path, options, onEntries) { return this.call('reparse.list', { path, ...options }, onEntries); }
  close() { this.socket.end(); }
}

async function main([address, verb, ...names]) {
  const junction = new Junction(address);
  const print = value => console.log(JSON.stringify(value));
  try {
    if (verb === 'list') print(await junction.list(names[0], { recurse: true }, entries => entries.forEach(print)));
    else if (['create', 'show', 'delete'].includes(verb)) print(await junction[verb](...names));
    else throw new Error('create, show, list or delete');
  } finally {
    junction.close();
  }
}

module.exports = { Junction };
if (require.main === module) {
  main(process.argv.slice(2)).catch(error => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
