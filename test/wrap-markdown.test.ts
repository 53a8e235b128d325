import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { markdownFiles, wrapMarkdown } from '../scripts/wrap-markdown.ts';

function words(count: number): string {
  return 'word '.repeat(count).trim();
}

const LONG = words(30);

describe('wrapMarkdown', () => {
  it('wraps paragraphs at 120 columns, and joins lines that were cut shorter', () => {
    expect(wrapMarkdown(`${LONG}\n\nshort\nlines\n`)).toBe(`${words(24)}\n${words(6)}\n\nshort lines\n`);
  });

  it('indents what follows in an item, nested ones too, and keeps items apart', () => {
    const text = `- ${LONG}\n- b\n  more\n  1. ${LONG}\n\n  ${LONG}\n`;
    expect(wrapMarkdown(text).split('\n')).toEqual([
      `- ${words(23)}`,
      `  ${words(7)}`,
      '- b more',
      `  1. ${words(23)}`,
      `     ${words(7)}`,
      '',
      `  ${words(23)}`,
      `  ${words(7)}`,
      '',
    ]);
  });

  it('leaves fences, indented code, tables, headings and HTML alone', () => {
    const kept = [
      `# ${LONG}`,
      `| ${LONG} |`,
      `    ${LONG}`,
      `<!-- ${LONG} -->`,
      `\`\`\`sh\n${LONG}\n\n- a\n  b\n\`\`\``,
    ];
    for (const text of kept) expect(wrapMarkdown(`${text}\n\nend\n`)).toBe(`${text}\n\nend\n`);
  });

  it('cuts no link and no code span, and begins no line with what would be something else', () => {
    const link = '[a link of words](https://example.org/path)';
    const lead = 'x'.repeat(115);
    expect(wrapMarkdown(`${lead} ${link}`)).toBe(`${lead}\n${link}`);
    expect(wrapMarkdown(`${lead} \`a b c\` d`)).toBe(`${lead}\n\`a b c\` d`);
    expect(wrapMarkdown(`${lead} abc - def`)).toBe(`${lead} abc -\ndef`);
  });

  it('changes nothing the second time, in any file of ours', () => {
    for (const path of markdownFiles()) {
      const once = wrapMarkdown(readFileSync(join(import.meta.dirname, '..', path), 'utf8'));
      expect(wrapMarkdown(once)).toBe(once);
    }
  });
});

it('no line of prose is above 140 columns', () => {
  const long = markdownFiles().flatMap((path) => {
    const text = readFileSync(join(import.meta.dirname, '..', path), 'utf8');
    const prose = text.replaceAll(/^ *```[\s\S]*?^ *```$/gm, (fence) => fence.replaceAll(/[^\n]/g, ''));
    return prose.split('\n').flatMap((line, at) => {
      const isFree = line.startsWith('|') || line.startsWith('    ');
      return line.length > 140 && !isFree ? [`${path}:${at + 1}`] : [];
    });
  });
  expect(long).toEqual([]);
});
