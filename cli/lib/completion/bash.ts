/** Completion for bash, 3.2 and later. Pure. */
import type { Command } from "../command.ts";
import { EVERYWHERE, firstWords, kindOf, quoted, takesFiles, type ValueKind } from "./words.ts";

export function bashCompletion(commands: readonly Command[]): string {
  const firsts = firstWords(commands);
  const seconds = [...firsts].filter(([, words]) => words.size > 0);
  return `# Completion of qkd for bash. In ~/.bashrc: source <(qkd completion bash)
_qkd_seconds() {
  case "$1" in
${seconds.map(([first, words]) => branch([first], `echo ${quoted([...words.keys()].join(" "))}`)).join("\n")}
  esac
}

_qkd_options() {
  case "$1" in
${commands.map((command) => branch([command.name], `echo ${quoted(optionsOf(command).join(" "))}`)).join("\n")}
    *) return 1 ;;
  esac
}

# What comes behind an option, or as an argument.
_qkd_values() {
  case "$1" in
${valueBranches(commands).join("\n")}
  esac
}

_qkd() {
  local IFS=$' \\t\\n' word command= given= options= values= i
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$word" in -*) break ;; esac
    given="\${given:+$given }$word"
    if _qkd_options "$given" >/dev/null; then command="$given"; fi
    if ((i == 2)); then break; fi
  done
  if [[ -n $command && $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$(_qkd_options "$command")" -- "$cur"))
    return
  fi
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W ${quoted([...firsts.keys()].join(" "))} -- "$cur"))
    return
  fi
  if [[ $COMP_CWORD -eq 2 && -n $(_qkd_seconds "$prev") ]]; then
    values="$(_qkd_values "$prev")"
    COMPREPLY=($(compgen -W "$(_qkd_seconds "$prev") \${values/#:*/}" -- "$cur"))
    return
  fi
  case "$prev" in
    -*) values="$(_qkd_values "$command $prev")" ;;
    *) values="$(_qkd_values "$command")" ;;
  esac
  IFS=$'\\n'
  case "$values" in
    :file) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames 2>/dev/null ;;
    :folder) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames 2>/dev/null ;;
    :other) ;;
    *) IFS=$' \\t\\n'; COMPREPLY=($(compgen -W "$values" -- "$cur")) ;;
  esac
  return 0
}
complete -F _qkd qkd
`;
}

const branch = (patterns: readonly string[], act: string): string => `    ${patterns.map(quoted).join("|")}) ${act} ;;`;

const optionsOf = ({ options }: Command): readonly string[] =>
  [...Object.keys(options), ...Object.keys(EVERYWHERE)].map((name) => `--${name}`);

/** An option without a value is followed by what the command takes. */
function valueBranches(commands: readonly Command[]): readonly string[] {
  const all = commands.flatMap((command) => {
    const { name, options, positional } = command;
    const own = positional.choices?.join(" ") ?? (takesFiles(command) ? ":file" : ":other");
    const behind = Object.entries(options).map(([option, spec]) => {
      const kind: ValueKind = kindOf(spec);
      return { at: `${name} --${option}`, values: kind === "none" ? own : `:${kind}` };
    });
    return [{ at: name, values: own }, ...behind];
  });
  const byValues = Map.groupBy(
    all.filter(({ values }) => values !== ":other"),
    ({ values }) => values,
  );
  return [
    ...[...byValues].map(([values, places]) =>
      branch(
        places.map(({ at }) => at),
        `echo ${quoted(values)}`,
      ),
    ),
    "    *) echo :other ;;",
  ];
}
