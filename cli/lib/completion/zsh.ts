/** Completion for zsh. Pure. */
import type { Command } from "../command.ts";
import { EVERYWHERE, firstWords, kindOf, quoted, summaryOf, takesFiles, type ValueKind } from "./words.ts";

export function zshCompletion(commands: readonly Command[]): string {
  const firsts = firstWords(commands);
  const groups = [...firsts].filter(([, seconds]) => seconds.size > 0);
  const first = [...firsts.keys()].map((word) => described(word, summaryOf(commands, word)));
  return `#compdef qkd
# Completion of qkd for zsh. In ~/.zshrc, behind compinit: source <(qkd completion zsh)
_qkd() {
  local -a found
  if (( CURRENT == 2 )); then
    found=(${first.join(" ")})
    _describe -t commands command found
    return
  fi
  if (( CURRENT == 3 )); then
    case "$words[2]" in
${groups.map(([word, seconds]) => `      ${quoted(word)}) found=(${[...seconds].map(([second, summary]) => described(second, summary)).join(" ")}); _describe -t commands command found ;;`).join("\n")}
    esac
  fi
  case "$words[2] $words[3]" in
${ofLength(commands, 2).map(branch).join("\n")}
  esac
  case "$words[2]" in
${ofLength(commands, 1).map(branch).join("\n")}
  esac
}
if [[ "$funcstack[1]" == _qkd ]]; then _qkd "$@"; else compdef _qkd qkd; fi
`;
}

const ofLength = (commands: readonly Command[], words: number): readonly Command[] =>
  commands.filter(({ name }) => name.split(" ").length === words);

const described = (word: string, summary: string): string =>
  quoted(`${word.replaceAll(":", String.raw`\:`)}:${summary}`);

const ACTIONS: Readonly<Record<ValueKind, string>> = {
  none: "",
  file: ":file:_files",
  folder: ":folder:_files -/",
  other: ":value:",
};

/** The words of the command are taken off before its options are looked at. */
function branch(command: Command): string {
  const words = command.name.split(" ").length;
  const options = Object.entries(command.options).map(
    ([name, spec]) => [name, spec.help, ACTIONS[kindOf(spec)]] as const,
  );
  const everywhere = Object.entries(EVERYWHERE).map(([name, help]) => [name, help, ""] as const);
  const specs = [...options, ...everywhere].map(([name, help, action]) =>
    quoted(`--${name}[${help.replaceAll(/[[\]\\]/g, "")}]${action}`),
  );
  const choices = command.positional.choices?.join(" ");
  const rest =
    choices !== undefined ? `*:argument:(${choices})` : takesFiles(command) ? "*:file:_files" : "*:argument:";
  return `    ${quoted(command.name)}) shift ${words} words; (( CURRENT -= ${words} )); _arguments ${[...specs, quoted(rest)].join(" ")}; return ;;`;
}
