const backslash = 0x5c;
const colon = 0x3a;

/** The index of the closing quote of the string whose opening quote stands at `from`. The text's length where there is none. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === backslash) before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
  return text.length;
}

function isName(text: string, from: number): boolean {
  let at = from;
  for (let code = text.charCodeAt(at); code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;)
    code = text.charCodeAt(++at);
  return text.charCodeAt(at) === colon;
}

function unescaped(name: string): string {
  try {
    return JSON.stringify(JSON.parse(name));
  } catch {
    // It is no JSON, which its parser says better.
    return name;
  }
}

/**
 * The same JSON with the names of members spelt without `\u`, as far as JSON can. To be parsed instead of the text itself, for
 * V8 (14.6, in Node 26) reads an escaped name as another one that it has met before, where that one is its beginning to the
 * letter: after `{"a":0,"\\u006dax_t":0}` it takes `{"a":0,"\u006dax_tokens":9}` for `{"a":0,"\\u006dax_t":9}`, while whatever
 * parses it next finds `max_tokens`. Names that no upstream knows may still be taken for each other.
 */
export function withPlainNames(text: string): string {
  if (!text.includes('\\u')) return text;
  const parts: string[] = [];
  let copied = 0;
  for (let open = text.indexOf('"'); open !== -1;) {
    const end = endOfString(text, open) + 1;
    if (isName(text, end)) {
      const name = text.slice(open, end);
      if (name.includes('\\u')) {
        parts.push(text.slice(copied, open), unescaped(name));
        copied = end;
      }
    }
    open = text.indexOf('"', end);
  }
  return copied === 0 ? text : parts.join('') + text.slice(copied);
}
