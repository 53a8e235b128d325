import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { badInput, messageOf } from '../../src/core/index.ts';

const run = promisify(execFile);

const REQUIREMENTS = new URL('requirements.txt', import.meta.url);

/** What a user types to get the packages. */
export const PIP_COMMAND =
  'python3 -m venv .venv-peers && .venv-peers/bin/pip install -r bench/peers/requirements.txt --extra-index-url https://download.pytorch.org/whl/cpu';

const HINT = `install them with: ${PIP_COMMAND}; then pass --python .venv-peers/bin/python`;

/** Prints a JSON object of the versions of the distributions named in its arguments, null where one is missing. */
const LIST_VERSIONS = `
import importlib.metadata, json, sys
def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
print(json.dumps({name: version(name) for name in sys.argv[1:]}))
`;

/** `name==version` lines, in their order. */
export function parseRequirements(text: string): Map<string, string> {
  const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim());
  return new Map(lines.filter((line) => line !== '').map((line) => line.split('==') as [string, string]));
}

/** What is missing (an error) and what has another version than ours was measured with (a note). A build tag (`+cpu`) does not count. */
export function compareVersions(
  wanted: ReadonlyMap<string, string>,
  found: Readonly<Record<string, string | null>>,
): { missing: string[]; notes: string[] } {
  const missing = [...wanted].filter(([name]) => (found[name] ?? null) === null).map(([name]) => name);
  const notes = [...wanted].flatMap(([name, version]) => {
    const have = found[name]?.split('+')[0];
    return have === undefined || have === version ? [] : [`${name} is ${have}, requirements.txt has ${version}`];
  });
  return { missing, notes };
}

/**
 * Checks that `python` runs and has the peers' packages; gives notes on those of other versions. Throws bad-input with the pip command
 * when Python or a package is missing.
 */
export async function checkPython(python: string): Promise<readonly string[]> {
  const wanted = parseRequirements(readFileSync(REQUIREMENTS, 'utf8'));
  const listed = await run(python, ['-c', LIST_VERSIONS, ...wanted.keys()]).catch((thrown: unknown) => {
    throw badInput(`--python: must be a Python 3.11 that runs, got ${python}: ${messageOf(thrown)}; ${HINT}`, {
      cause: thrown,
    });
  });
  const { missing, notes } = compareVersions(wanted, JSON.parse(listed.stdout) as Record<string, string | null>);
  if (missing.length > 0) {
    throw badInput(
      `--python: ${python} must have the packages of bench/peers/requirements.txt, it lacks ${missing.join(', ')}; ${HINT}`,
    );
  }
  return notes;
}
