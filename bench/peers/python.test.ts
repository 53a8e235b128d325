import { expect, test } from 'vitest';
import { checkPython, compareVersions, parseRequirements, PIP_COMMAND } from './python.ts';

test('requirements are names and versions, without comments', () => {
  expect(parseRequirements('# CPU\ntrl==1.16.0\n\ntorch==2.15.0  # or newer\n')).toEqual(
    new Map([
      ['trl', '1.16.0'],
      ['torch', '2.15.0'],
    ]),
  );
});

test('another version is a note, a missing package is missing, a build tag is neither', () => {
  const wanted = new Map([
    ['trl', '1.16.0'],
    ['torch', '2.15.0'],
    ['peft', '0.21.2'],
  ]);
  expect(compareVersions(wanted, { trl: '1.17.0', torch: '2.15.0+cpu', peft: null })).toEqual({
    missing: ['peft'],
    notes: ['trl is 1.17.0, requirements.txt has 1.16.0'],
  });
});

test('a Python that does not start is told with the commands that make one', async () => {
  await expect(checkPython('./no-such-python')).rejects.toThrow(
    `--python: must be a Python 3.11 that runs, got ./no-such-python: spawn ./no-such-python ENOENT; install them with: ${PIP_COMMAND}; then pass --python .venv-peers/bin/python`,
  );
});
