/**
 * Paragraphs of a lesson. In them *word* is emphasised, `x` is a name or a number in a formula, and [text](#/room?key=value)
 * is a link within the page.
 */
import type { ComponentChildren, JSX } from "preact";

const inline = /\*([^*]+)\*|`([^`]+)`|\[([^\]]+)\]\((#[^)]*)\)/g;

export function Prose({ text }: { readonly text: readonly string[] }): JSX.Element {
  return (
    <div class="prose">
      {text.map((paragraph) => (
        <p key={paragraph}>{marked(paragraph)}</p>
      ))}
    </div>
  );
}

function marked(paragraph: string): ComponentChildren[] {
  const found: ComponentChildren[] = [];
  let from = 0;
  for (const match of paragraph.matchAll(inline)) {
    const [whole, emphasised, name, text, href = ""] = match;
    found.push(paragraph.slice(from, match.index));
    if (emphasised !== undefined) found.push(<em>{emphasised}</em>);
    else if (name !== undefined) found.push(<span class="prose-name">{name}</span>);
    else found.push(<a href={href}>{text}</a>);
    from = match.index + whole.length;
  }
  found.push(paragraph.slice(from));
  return found;
}
