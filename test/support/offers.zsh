# What zsh offers where somebody presses the tab key, one a line: zsh -f offers.zsh COMPLETION-SCRIPT OUTPUT-FILE LINE
# Its completion runs in an interactive shell only: there is one, on a terminal of its own, and `compadd` keeps the matches.
zmodload zsh/zpty
() {
  zpty shell zsh -f -i
  zpty -w shell "source $1"
  zpty -w -n shell "$2"$'\t'
  # Until it ends by itself, behind the list.
  local text
  while zpty -r shell text; do :; done
} =(<<< "
PROMPT=
autoload -Uz compinit && compinit -D -u
source ${(q)1}
bindkey '^I' complete-word
comppostfuncs=(exit)
compadd() {
  # What it only is to work out goes to the one who asked.
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd \"\$@\"; return; fi
  local -a hits
  builtin compadd -A hits \"\$@\"
  print -rl -- \$hits >> ${(q)2}
}
") "$3"
