import type { OptionWords, Place } from './words.ts';

/** In single quotes of a POSIX shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
const flagsOf = (place: Place): readonly string[] => place.options.flatMap((option) => option.flags);

/** Finds the place by the words before the cursor that are commands; arguments and options are passed over. */
const walkWords = (places: readonly Place[]): string =>
  places
    .filter((place) => place.path !== '')
    .map((place) => `      ${quoted(place.path)}) place=$try ;;`)
    .join('\n');

function valueCases(place: Place): string {
  const cases = place.options
    .filter((option) => option.choices.length > 0)
    .map((option) => `        ${option.flags.join('|')}) words=${quoted(option.choices.join(' '))} ;;`);
  return cases.length === 0 ? '' : `      case "$previous" in\n${cases.join('\n')}\n      esac`;
}

function placeCase(place: Place): string {
  const words = [...place.words.map((word) => word.text), ...flagsOf(place)].join(' ');
  const values = valueCases(place);
  return `    ${quoted(place.path)})\n      words=${quoted(words)}\n${values === '' ? '' : `${values}\n`}      ;;`;
}

export function bashScript(places: readonly Place[]): string {
  return `# Completion of tollgate for bash. To use it:  source <(npx --no tollgate completion bash)
_tollgate() {
  local word try words='' place='' previous="\${COMP_WORDS[COMP_CWORD-1]}" at
  for ((at = 1; at < COMP_CWORD; at++)); do
    word="\${COMP_WORDS[at]}"
    try="\${place:+$place }$word"
    case "$try" in
${walkWords(places)}
    esac
  done
  case "$place" in
${places.map(placeCase).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _tollgate tollgate
`;
}

/** zsh separates a word from what it says by a colon. */
const described = (text: string, says: string): string => quoted(`${text.replaceAll(':', '\\:')}:${says}`);

function zshPlace(place: Place): string {
  const words = [
    ...place.words.map((word) => described(word.text, word.says)),
    ...place.options.flatMap((option) => option.flags.map((flag) => described(flag, option.says))),
  ];
  const values = place.options
    .filter((option) => option.choices.length > 0)
    .map((option) => `        ${option.flags.join('|')}) found=(${option.choices.map(quoted).join(' ')}) ;;`);
  const choose = values.length === 0 ? '' : `      case "$previous" in\n${values.join('\n')}\n      esac\n`;
  return `    ${quoted(place.path)})\n      found=(${words.join(' ')})\n${choose}      ;;`;
}

export function zshScript(places: readonly Place[]): string {
  return `#compdef tollgate
# Completion of tollgate for zsh. To use it:  source <(npx --no tollgate completion zsh)
_tollgate() {
  local word try place='' previous="\${words[CURRENT-1]}" at
  local -a found
  for ((at = 2; at < CURRENT; at++)); do
    word="\${words[at]}"
    try="\${place:+$place }$word"
    case "$try" in
${walkWords(places)}
    esac
  done
  case "$place" in
${places.map(zshPlace).join('\n')}
  esac
  _describe tollgate found || _files
}
compdef _tollgate tollgate
`;
}

function fishOption(condition: string, option: OptionWords): string {
  const [short, long] = [
    option.flags.find((flag) => !flag.startsWith('--')),
    option.flags.find((flag) => flag.startsWith('--')),
  ];
  return [
    `complete -c tollgate -n ${quoted(condition)}`,
    short === undefined ? '' : ` -s ${short.slice(1)}`,
    long === undefined ? '' : ` -l ${long.slice(2)}`,
    option.takesValue ? ' -r' : '',
    option.choices.length === 0 ? '' : ` -f -a ${quoted(option.choices.join(' '))}`,
    ` -d ${quoted(option.says)}`,
  ].join('');
}

export function fishScript(places: readonly Place[]): string {
  const lines = places.flatMap((place) => {
    const condition = `test (__tollgate_place) = "${place.path}"`;
    return [
      ...place.words.map(
        (word) => `complete -c tollgate -f -n ${quoted(condition)} -a ${quoted(word.text)} -d ${quoted(word.says)}`,
      ),
      ...place.options.map((option) => fishOption(condition, option)),
    ];
  });
  return `# Completion of tollgate for fish. To use it:  npx --no tollgate completion fish | source
function __tollgate_place
    set -l place ''
    for word in (commandline -opc)[2..-1]
        set -l try (string trim -- "$place $word")
        switch $try
            case ${places.flatMap((place) => (place.path === '' ? [] : [quoted(place.path)])).join(' ')}
                set place $try
        end
    end
    printf '%s\\n' "$place"
end
${lines.join('\n')}
`;
}
