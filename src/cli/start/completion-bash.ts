import { shellWord } from '../../core/index.ts';
import { firstWords, PROGRAM_WORDS, secondWords, type Completed, type CompletedCommand } from './completion-words.ts';

/** The script for bash 3.2 and later, which needs none of its add-ons. */
export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const first = [...firstWords(commands).map(({ word }) => word), ...PROGRAM_WORDS];
  const groups = [...secondWords(commands)].map(
    ([group, words]) =>
      `    ${group}) name="$first $second"; at=3; choices=${shellWord(words.map(({ word }) => word).join(' '))} ;;`,
  );
  return `# preftune: completion for bash. In ~/.bashrc: source <(preftune completion bash)
_preftune_words() { COMPREPLY=($(compgen -W "$1" -- "$cur")); }
_preftune_files() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -f -- "$cur"))
  type compopt >/dev/null 2>&1 && compopt -o filenames 2>/dev/null
}
_preftune() {
  local cur prev first second name at choices flags
  COMPREPLY=()
  cur="\${COMP_WORDS[COMP_CWORD]}"
  prev="\${COMP_WORDS[COMP_CWORD-1]}"
  # --flag=value comes as three words.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  first="\${COMP_WORDS[1]}"
  second="\${COMP_WORDS[2]}"
  if [[ $COMP_CWORD -eq 1 ]]; then _preftune_words ${shellWord(first.join(' '))}; return; fi
  if [[ $first == help ]]; then _preftune_words ${shellWord(
    firstWords(commands)
      .map(({ word }) => word)
      .join(' '),
  )}; return; fi
  name="$first"; at=2
  case "$first" in
${groups.join('\n')}
  esac
  if [[ -n $choices && $COMP_CWORD -eq 2 ]]; then _preftune_words "$choices"; return; fi
  case "$name" in
${commands.map(caseOf).join('\n')}
    *) return ;;
  esac
}
complete -F _preftune preftune
`;
}

function caseOf({ name, flags, argument }: CompletedCommand): string {
  const values = new Map<string, string[]>();
  for (const { names, value } of flags) {
    if (value.kind === 'nothing') continue;
    const action = actionOf(value);
    values.set(action, [...(values.get(action) ?? []), ...names]);
  }
  const cases = [...values].map(([action, names]) => `        ${names.join('|')}) ${action}; return ;;`);
  return [
    `    ${shellWord(name)})`,
    `      case "$prev" in`,
    ...cases,
    `      esac`,
    `      if [[ $cur == -* ]]; then _preftune_words ${shellWord(flags.flatMap(({ names }) => names).join(' '))}`,
    `      else ${actionOf(argument)}; fi ;;`,
  ].join('\n');
}

function actionOf(value: Completed): string {
  if (value.kind === 'words') return `_preftune_words ${shellWord(value.words.join(' '))}`;
  return value.kind === 'files' ? '_preftune_files' : ':';
}
