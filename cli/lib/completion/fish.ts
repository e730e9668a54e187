/** Completion for fish. Pure. */
import type { Command } from "../command.ts";
import { EVERYWHERE, firstWords, kindOf, summaryOf, takesFiles, type ValueKind } from "./words.ts";

export function fishCompletion(commands: readonly Command[]): string {
  const firsts = [...firstWords(commands)];
  return `# Completion of qkd for fish: qkd completion fish > ~/.config/fish/completions/qkd.fish
function __qkd_given
    set -l given
    for word in (commandline -opc)[2..-1]
        string match -q -- '-*' $word; and break
        set -a given $word
    end
    echo "$given"
end
function __qkd_at
    test (__qkd_given) = "$argv[1]"
end
function __qkd_in
    string match -q -r -- "^$argv[1]( |\\$)" (__qkd_given)
end
complete -c qkd -f
${firsts.map(([word]) => line('__qkd_at ""', `-a ${quoted(word)}`, summaryOf(commands, word))).join("\n")}
${firsts
  .flatMap(([first, seconds]) =>
    [...seconds].map(([second, summary]) => line(`__qkd_at ${first}`, `-a ${quoted(second)}`, summary)),
  )
  .join("\n")}
${commands.flatMap(ofCommand).join("\n")}
${Object.entries(EVERYWHERE)
  .map(([name, help]) => `complete -c qkd -l ${name} -d ${quoted(help)}`)
  .join("\n")}
`;
}

/** Within single quotes of fish. */
const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`;

const line = (condition: string, what: string, help: string): string =>
  `complete -c qkd -n ${quoted(condition)} ${what} -d ${quoted(help)}`;

const FLAGS: Readonly<Record<ValueKind, string>> = {
  none: "",
  file: " -r -F",
  folder: " -x -a '(__fish_complete_directories)'",
  other: " -x",
};

function ofCommand(command: Command): readonly string[] {
  const { name, options, positional, summary } = command;
  const inside = `__qkd_in "${name}"`;
  const choices = positional.choices?.join(" ");
  return [
    ...Object.entries(options).map(([option, spec]) => line(inside, `-l ${option}${FLAGS[kindOf(spec)]}`, spec.help)),
    ...(choices === undefined ? [] : [line(`__qkd_at "${name}"`, `-a ${quoted(choices)}`, summary)]),
    ...(takesFiles(command) ? [`complete -c qkd -n ${quoted(inside)} -F`] : []),
  ];
}
