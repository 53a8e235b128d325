import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPackedProject, type PackedProject } from './support/packed.ts';
import { registryProblem, typescriptOfVersion } from './support/registry.ts';

/**
 * The package as another project sees it: packed, unpacked into that project's node_modules, imported by every subpath,
 * type-checked and run.
 */
const ROOT = join(import.meta.dirname, '..');

/** One function of each subpath, which stands for the rest. */
const PROBES: Readonly<Record<string, string>> = {
  preftune: 'trainDpo',
  'preftune/core': 'createRandom',
  'preftune/graph': 'printGraph',
  'preftune/statistics': 'cohenKappa',
  'preftune/answers': 'measureText',
  'preftune/interpret': 'interpret',
  'preftune/autodiff': 'vectorJacobian',
  'preftune/passes': 'simplify',
  'preftune/onnx': 'lowerGraph',
  'preftune/runtime': 'openDevice',
  'preftune/formats': 'openModelFiles',
  'preftune/tokenizer': 'createTokenizer',
  'preftune/grammar': 'compileSchema',
  'preftune/tools': 'createToolParser',
  'preftune/models': 'parseModelConfig',
  'preftune/jinja': 'compileTemplate',
  'preftune/data': 'loadPairs',
  'preftune/objectives': 'resolveObjective',
  'preftune/optim': 'learningRateAt',
  'preftune/files': 'writeFileAtomic',
  'preftune/store': 'readMetrics',
  'preftune/api': 'everyRoute',
  'preftune/database': 'openDatabase',
  'preftune/ledger': 'openLedger',
  'preftune/report': 'renderPage',
  'preftune/manual': 'manualSite',
  'preftune/hub': 'locateModel',
  'preftune/options': 'parseOptions',
  'preftune/specification': 'parseDpoSpecification',
  'preftune/policy': 'openModel',
  'preftune/generate': 'createGenerator',
  'preftune/score': 'scorePairs',
  'preftune/monitor': 'createMonitor',
  'preftune/reliability': 'checkReliability',
  'preftune/ask': 'createAsker',
  'preftune/judge': 'openJudges',
  'preftune/pairs': 'pairsFromRatings',
  'preftune/feedback': 'openFeedback',
  'preftune/labelling': 'createLabelling',
  'preftune/feedback-client': 'createFeedback',
  'preftune/train': 'runLoop',
  'preftune/evaluate': 'evaluateBehaviour',
  'preftune/export': 'exportModel',
  'preftune/experiments': 'openExperiments',
  'preftune/loop': 'openLoop',
  'preftune/serve': 'startServer',
  'preftune/client': 'createClient',
  'preftune/deploy': 'deployFiles',
  'preftune/quickstart': 'quickstartPairs',
  'preftune/cli': 'runCli',
};

/** What the root gives: the names that a reader of the README starts from. */
const ROOT_FUNCTIONS = [
  'checkData',
  'createGenerator',
  'createTokenizer',
  'graph',
  'input',
  'interpret',
  'loadCompletions',
  'loadPairs',
  'openDevice',
  'openGenerator',
  'openHubDataset',
  'openModel',
  'openModelFiles',
  'optimise',
  'parseDpoSpecification',
  'parseModelConfig',
  'parseScoreSpecification',
  'parseSftSpecification',
  'plainDecoder',
  'planDpo',
  'planSft',
  'printGraph',
  'readMetrics',
  'resolveHubModel',
  'resolveObjective',
  'scorePairs',
  'sourcesOfPath',
  'trainDpo',
  'trainSft',
  'vectorJacobian',
  'verifyGraph',
  'withLora',
];

test('every folder with a face has a probe here', () => {
  const faces = readdirSync(join(ROOT, 'src')).filter((name) => existsSync(join(ROOT, 'src', name, 'index.ts')));
  expect(Object.keys(PROBES).toSorted()).toEqual(['preftune', ...faces.map((name) => `preftune/${name}`)].toSorted());
});

let project: PackedProject;
beforeAll(() => {
  project = createPackedProject();
});
afterAll(() => project.remove());

test('every subpath imports without side effects and has its functions', () => {
  const output = project.run(`
    const found = {};
    for (const [path, name] of Object.entries(${JSON.stringify(PROBES)})) found[path] = typeof (await import(path))[name];
    const { LOSSES, OPTIMIZERS, PreftuneError, ...functions } = await import('preftune');
    const names = Object.keys(functions).filter((name) => typeof functions[name] === 'function').toSorted();
    console.log(JSON.stringify({ found, names, extra: [Object.keys(LOSSES)[0], Object.keys(OPTIMIZERS), PreftuneError.name] }));
  `);
  expect(JSON.parse(output)).toEqual({
    found: Object.fromEntries(Object.keys(PROBES).map((path) => [path, 'function'])),
    names: ROOT_FUNCTIONS,
    extra: ['sigmoid', ['adamw', 'sgd', 'rmsprop'], 'PreftuneError'],
  });
});

test('a folder is entered through its face alone', () => {
  const output = project.run(`
    const paths = ['preftune/graph/node.js', 'preftune/graph/node', 'preftune/nothing'];
    const results = await Promise.allSettled(paths.map((path) => import(path)));
    console.log(JSON.stringify(results.map(({ status, reason }) => [status, reason?.code])));
  `);
  expect(JSON.parse(output)).toEqual(Array.from({ length: 3 }, () => ['rejected', 'ERR_MODULE_NOT_FOUND']));
});

test('the built package computes: a graph through the worker of ONNX Runtime', () => {
  const output = project.run(`
    import { graph, input, interpret, openDevice } from 'preftune';
    import { float32Tensor } from 'preftune/core';
    import { mul } from 'preftune/graph';
    const x = input('x', [2]);
    const source = graph({ y: mul(x, x) });
    const given = { x: float32Tensor([2], [3, 4]) };
    const device = await openDevice({ threads: 1 });
    const program = await device.compile(source, { label: 'square' });
    const { y } = await program.run(given);
    console.log(JSON.stringify([[...y.data], [...interpret(source, given).y.data]]));
    await device.dispose();
  `);
  expect(JSON.parse(output)).toEqual([
    [9, 16],
    [9, 16],
  ]);
});

/** Everything that a face gives, by its name, in a file of the project. */
function writeUse(): void {
  const imports = Object.entries(PROBES).map(([path, name], i) => `import { ${name} as probe${i} } from '${path}';`);
  const uses = Object.keys(PROBES).map((_path, i) => `probe${i}`);
  writeFileSync(
    join(project.path, 'use.ts'),
    [
      ...imports,
      "import { openDevice, type Device } from 'preftune';",
      `export const all: readonly ((...given: never[]) => unknown)[] = [${uses.join(', ')}];`,
      'export const device: Promise<Device> = openDevice({ threads: 2 });',
      '// @ts-expect-error threads is a number',
      "export const wrong: Promise<Device> = openDevice({ threads: 'two' });",
    ].join('\n'),
  );
}

test('the types are found by every subpath and are strict', () => {
  writeUse();
  // Every declaration is checked, ours and those that ours name, with nothing installed but the package.
  expect(project.compile(['use.ts'])).toBe('');
  const strictest = { noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, isolatedModules: true };
  expect(project.compile(['use.ts'], strictest)).toBe('');
});

const problem = registryProblem();
if (problem !== undefined) process.stderr.write(`exports.test.ts: older TypeScripts skipped: ${problem}\n`);

/** The oldest, the last before typed arrays got their parameter, the last of 5, in the three ways to resolve modules. About 8 s each. */
test.skipIf(problem !== undefined).each([
  ['5.4.5', 'node16', 'node16'],
  ['5.6.3', 'esnext', 'bundler'],
  ['5.9.3', 'nodenext', 'nodenext'],
])('they are read by TypeScript %s, module %s', (version, module, moduleResolution) => {
  writeUse();
  expect(project.compile(['use.ts'], { module, moduleResolution }, typescriptOfVersion(version))).toBe('');
});
