'use strict';
// What test_foreign.py lets an ordinary user do: node scenario.js SOCKET DIRECTORY. Each step is asserted here, with Node's own view of the file system
// beside the service's.

const assert = require('assert');
const fs = require('fs');
const path = require('path');
const { Junction } = require('./client.js');

async function main(address, directory) {
  const junction = new Junction(address);
  const names = ['plain', 'größe \u{1F517}', ' a space in front', "it's $HOME; #1 %41", 'x'.repeat(255)];
  const links = names.map(name => path.join(directory, name));

  // All at once: the service keeps the order, the client only has to wait for each.
  const created = await Promise.all(links.map((link, i) => junction.create(link, `C:\\target ${i}`)));
  created.forEach((result, i) => {
    assert.strictEqual(result.outcome, 'created');
    assert.strictEqual(result.link, links[i]);
    assert(fs.lstatSync(links[i]).isSymbolicLink(), 'Node sees no link');
    assert(fs.readlinkSync(links[i]).length > 0);
    assert.strictEqual(fs.lstatSync(links[i]).ino.toString(16).padStart(16, '0'), result.fileId);
  });

  const seen = new Map();
  const listed = await junction.list(directory, { types: ['junction'] }, entries => entries.forEach(entry => seen.set(entry.path, entry)));
  assert.strictEqual(listed.count, links.length);
  assert.deepStrictEqual([...seen.keys()].sort(), [...links].sort());
  for (const [i, link] of links.entries()) {
    const entry = await junction.show(link);
    assert.deepStrictEqual(entry, seen.get(link));
    assert.strictEqual(entry.target, `C:\\target ${i}`);
    assert(Math.abs(Date.parse(entry.created) - Date.now()) < 3600e3, 'created is no date of today');
  }

  // A target inside the volume can be followed by the system itself.
  fs.mkdirSync(path.join(directory, 'behind'));
  fs.writeFileSync(path.join(directory, 'behind', 'file'), 'there');
  const through = path.join(directory, 'through');
  await junction.create(through, path.join(directory, 'behind'), { drive: 'C:', mustExist: true });
  assert.strictEqual(fs.readFileSync(path.join(through, 'file'), 'utf8'), 'there');
  await junction.delete(through);
  assert.strictEqual(fs.readFileSync(path.join(directory, 'behind', 'file'), 'utf8'), 'there');

  await assert.rejects(junction.create(links[0], 'C:\\other'), { code: 'ALREADY_EXISTS' });
  await assert.rejects(junction.show(path.join(directory, 'none')), { code: 'NOT_FOUND' });
  await assert.rejects(junction.delete(path.join(directory, 'behind')), { code: 'NOT_A_JUNCTION' });
  await assert.rejects(junction.call('no.such.method'), { code: 'METHOD_NOT_FOUND' });
  assert.strictEqual((await junction.create(links[0], 'C:\\other', { replace: true })).previousTarget, 'C:\\target 0');

  for (const link of links) {
    assert.strictEqual((await junction.delete(link)).outcome, 'deleted');
    assert.throws(() => fs.lstatSync(link), { code: 'ENOENT' });
  }
  junction.close();
  console.log('ok');
}

main(...process.argv.slice(2)).catch(error => {
  console.error(error);
  process.exitCode = 1;
});
