// A client that knows nothing of our code: Node's net module on a named pipe. What it saw goes to
// standard output, one fact a line, for the test to judge.
'use strict';
const net = require('net');
const fs = require('fs');
const readline = require('readline');
const [name, directory, link] = process.argv.slice(2);

function connect() {
  return new Promise((resolve, reject) => {
    const socket = net.connect(name, () => {
      const waiting = new Map();
      let last = 0;
      const order = [];
      readline.createInterface({ input: socket }).on('line', line => {
        const message = JSON.parse(line);
        if (message.method !== undefined) return;
        order.push(message.id);
        waiting.get(message.id)(message);
        waiting.delete(message.id);
      });
      const call = (method, params) => new Promise(done => {
        waiting.set(++last, done);
        socket.write(JSON.stringify({ jsonrpc: '2.0', id: last, method, params }) + '\n');
      });
      resolve({ socket, call, order });
    });
    socket.on('error', reject);
  });
}

async function main() {
  let { socket, call, order } = await connect();
  console.log('hello:', (await call('hello', { protocol: 1, client: 'node' })).result.platform);
  console.log('status:', (await call('service.status')).result.platform);
  const list = (await call('reparse.list', { path: directory, recurse: true })).result;
  console.log('list:', list.directories, 'directories,', list.count, 'entries');
  console.log('error:', (await call('reparse.show', { path: directory + '\\nothing' })).error.data.name);
  order.length = 0;
  const answers = await Promise.all(
    Array.from({ length: 60 }, () => call('reparse.show', { path: directory })));
  const sorted = order.every((id, i) => i === 0 || id > order[i - 1]);
  console.log('pipelined:',
    answers.filter(a => a.error.data.name === 'NOT_A_REPARSE_POINT').length, sorted ? 'in order' : 'mixed up');
  socket.end();
  ({ socket, call } = await connect());
  console.log('again:', (await call('service.status')).result.platform);
  if (link !== undefined) {
    // Both name the same directory; Node adds no prefix, and a separator at the end means nothing.
    const ours = (await call('reparse.show', { path: link })).result.target;
    const theirs = fs.readlinkSync(link);
    const plain = path => path.replace(/^\\\\\?\\/, '').replace(/\\$/, '').toLowerCase();
    console.log('readlink:', plain(ours) === plain(theirs) ? 'the same' : `${ours} is not ${theirs}`);
  }
  socket.end();
}

main().catch(error => {
  console.log('failed:', error.message);
  process.exitCode = 1;
});
