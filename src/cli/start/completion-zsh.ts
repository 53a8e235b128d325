import { shellWord } from '../../core/index.ts';
import { firstWords, secondWords, shellName, type Completed, type CompletedCommand } from './completion-words.ts';

/** The script for zsh: source it after compinit, or put it into a folder of $fpath as _preftune. */
export function zshCompletion(commands: readonly CompletedCommand[]): string {
  const groups = [...secondWords(commands)];
  return `#compdef preftune
# preftune: completion for zsh. In ~/.zshrc, after compinit: source <(preftune completion zsh)
${commands.map(functionOf).join('\n')}
_preftune() {
  local name
  if (( CURRENT == 2 )); then
    local -a words_of_preftune=(
${described([...firstWords(commands), { word: 'help', help: 'the help of a command' }], 6)}
    )
    _describe -t commands 'command' words_of_preftune
    compadd -- --help --version
    return
  fi
  name="$words[2]"
  case "$name" in
${groups
  .map(
    ([group, words]) => `    ${group})
      if (( CURRENT == 3 )); then
        local -a words_of_group=(
${described(words, 10)}
        )
        _describe -t commands 'command' words_of_group
        return
      fi
      name="$words[2] $words[3]" ;;`,
  )
  .join('\n')}
    help) compadd -- ${firstWords(commands)
      .map(({ word }) => word)
      .join(' ')}; return ;;
  esac
  case "$name" in
${commands.map(({ name }) => `    ${shellWord(name)}) _preftune_${shellName(name)} ;;`).join('\n')}
  esac
}
compdef _preftune preftune
`;
}

/** A command's flags, what stands behind them, and its argument. */
function functionOf({ name, flags, argument }: CompletedCommand): string {
  const values = flags.flatMap(({ names, value }) =>
    value.kind === 'nothing' ? [] : [`    ${names.join('|')}) ${actionOf(value)}; return ;;`],
  );
  const words = flags.flatMap(({ names, help }) => names.map((word) => ({ word, help })));
  return [
    `_preftune_${shellName(name)}() {`,
    '  case "$words[CURRENT-1]" in',
    ...values,
    '  esac',
    '  if [[ $words[CURRENT] == -* ]]; then',
    '    local -a flags_of_command=(',
    described(words, 6),
    '    )',
    "    _describe -o -t options 'option' flags_of_command",
    `  else ${actionOf(argument)}; fi`,
    '}',
  ].join('\n');
}

function actionOf(value: Completed): string {
  if (value.kind === 'words') return `compadd -- ${value.words.map(shellWord).join(' ')}`;
  return value.kind === 'files' ? '_files' : ':';
}

/** Words with what they are, as _describe takes them: a colon between, other colons escaped. */
function described(words: readonly { readonly word: string; readonly help: string }[], indent: number): string {
  return words
    .map(({ word, help }) => `${' '.repeat(indent)}${shellWord(`${word}:${help.replaceAll(':', '\\:')}`)}`)
    .join('\n');
}
