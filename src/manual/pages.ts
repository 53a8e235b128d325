import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A page of the documentation as it lies in the package. */
export interface ManualPage {
  /** From the package's root: `docs/training.md`. */
  readonly file: string;
  /** Of the page on the site: `training`; the README is `index`. */
  readonly name: string;
  readonly group: string;
  readonly markdown: string;
}

/** What stands together, in the order of reading. A page of docs/ that is not here comes last, under its own heading. */
const GROUPS: readonly { readonly title: string; readonly files: readonly string[] }[] = [
  { title: 'Start', files: ['README.md', 'docs/installing.md', 'docs/walkthrough.md', 'docs/glossary.md'] },
  {
    title: 'Data',
    files: ['docs/data.md', 'docs/data-sources.md', 'docs/reliability.md', 'docs/building-pairs.md'],
  },
  { title: 'Training', files: ['docs/training.md', 'docs/objectives.md', 'docs/monitoring.md', 'docs/devices.md'] },
  { title: 'Did it get better?', files: ['docs/evaluation.md', 'docs/judges.md'] },
  { title: 'Use', files: ['docs/generation.md', 'docs/export.md'] },
  {
    title: 'Serve',
    files: [
      'docs/serving.md',
      'docs/fine-tuning-api.md',
      'docs/store.md',
      'docs/page.md',
      'docs/feedback.md',
      'docs/labelling.md',
      'docs/loop.md',
      'docs/experiments.md',
      'docs/deploying.md',
    ],
  },
  { title: 'Inside', files: ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/log.md', 'CHANGELOG.md'] },
];

/** The folder that has README.md and docs/: the package's own root. */
export const MANUAL_FOLDER = fileURLToPath(new URL('../../', import.meta.url));

/** Every page of the documentation in a folder, in the order of reading; files that are not there are left out. */
export function readManual(folder: string = MANUAL_FOLDER): ManualPage[] {
  const listed = GROUPS.flatMap(({ title, files }) => files.map((file) => ({ file, group: title })));
  const known = new Set(listed.map(({ file }) => file));
  const others = existsSync(join(folder, 'docs'))
    ? readdirSync(join(folder, 'docs'))
        .filter((name) => name.endsWith('.md') && !known.has(`docs/${name}`))
        .toSorted()
        .map((name) => ({ file: `docs/${name}`, group: 'More' }))
    : [];
  return [...listed, ...others]
    .filter(({ file }) => existsSync(join(folder, file)))
    .map(({ file, group }) => ({
      file,
      group,
      name: nameOf(file),
      markdown: readFileSync(join(folder, file), 'utf8'),
    }));
}

function nameOf(file: string): string {
  const name = file.replace(/^docs\//, '').replace(/\.md$/, '');
  return name === 'README' ? 'index' : name.toLowerCase();
}
