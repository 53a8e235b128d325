import { expect, test } from 'vitest';
import { memorySource } from './sources/source.ts';
import { readObjects } from './read-objects.ts';

function read(text: string): Promise<string[]> {
  return readObjects(memorySource('names.jsonl', text), {
    expected: 'an object with a name',
    noun: 'name',
    read: ({ fields, line }) => `${line}: ${fields.text('name')}`,
  });
}

test('what every record says, with its line', async () => {
  expect(await read('{"name":"a"}\n\n{"name":"b"}\n')).toEqual(['1: a', '3: b']);
});

test('the problems of all records at once', async () => {
  await expect(read('{"name":"a"}\n7\n{"name":1}\n{"name"\n{}\n')).rejects.toThrow(
    [
      'names.jsonl:2: a record must be an object with a name',
      'names.jsonl:3: name must be a text, got 1',
      'names.jsonl:4:8: JSON must have a colon after the key here, got the end',
      'names.jsonl:5: name must be a text, got nothing',
    ].join('\n'),
  );
  await expect(read('')).rejects.toThrow('names.jsonl: data must hold at least one name, got an empty file');
});
