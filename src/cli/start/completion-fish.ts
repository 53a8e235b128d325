import {
  firstWords,
  secondWords,
  type Completed,
  type CompletedCommand,
  type CompletedFlag,
} from './completion-words.ts';

/** The script for fish 3 and later. */
export function fishCompletion(commands: readonly CompletedCommand[]): string {
  const groups = [...secondWords(commands)];
  const first = firstWords(commands);
  return `# preftune: completion for fish. preftune completion fish > ~/.config/fish/completions/preftune.fish
# The command that is being typed: its words up to the first flag, of which a group takes two.
function __preftune_command
    set -l words (commandline -opc)
    set -e words[1]
    set -q words[1]; or return
    switch $words[1]
        case ${groups.map(([group]) => group).join(' ')}
            echo (string join ' ' $words[1..2])
        case '*'
            echo $words[1]
    end
end
function __preftune_is
    set -l name (__preftune_command)
    test "$name" = "$argv"
end
complete -c preftune -f
${[...first, { word: 'help', help: 'the help of a command' }]
  .map(({ word, help }) => `complete -c preftune -n '__preftune_is' -a ${word} -d ${quoted(help)}`)
  .join('\n')}
complete -c preftune -n '__preftune_is' -l version -d 'the version'
complete -c preftune -n '__preftune_is help' -a ${quoted(first.map(({ word }) => word).join(' '))}
${groups
  .flatMap(([group, words]) =>
    words.map(({ word, help }) => `complete -c preftune -n '__preftune_is ${group}' -a ${word} -d ${quoted(help)}`),
  )
  .join('\n')}
${commands.flatMap(linesOf).join('\n')}
`;
}

function linesOf({ name, flags, argument }: CompletedCommand): string[] {
  const start = `complete -c preftune -n '__preftune_is ${name}'`;
  const own = argument.kind === 'nothing' || argument.kind === 'anything' ? [] : [`${start} ${valueOf(argument)}`];
  return [...own, ...flags.map((flag) => `${start} ${namesOf(flag)} ${valueOf(flag.value)} -d ${quoted(flag.help)}`)];
}

/** `-l model -s m`. */
function namesOf({ names }: CompletedFlag): string {
  return names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ');
}

function valueOf(value: Completed): string {
  switch (value.kind) {
    case 'words':
      return `-x -a ${quoted(value.words.join(' '))}`;
    case 'files':
      return '-r -F';
    case 'anything':
      return '-x';
    case 'nothing':
      return '';
  }
}

/** Between fish's single quotes, in which a backslash escapes quotes and itself. */
function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`;
}
