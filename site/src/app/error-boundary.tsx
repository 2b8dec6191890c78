/** Holds what a room throws while it draws: tells what went wrong, and how to go on. The rest of the page stays. */
import { Component, type ComponentChildren, type JSX } from "preact";
import { t } from "../text/text.ts";
import { Button } from "../view/button.tsx";
import { problemOf } from "../view/problem.ts";

interface ErrorBoundaryProps {
  /** Name of the room. */
  readonly name: string;
  readonly children: ComponentChildren;
  /** Takes what was set out of the address, where that may be the reason. */
  readonly onStartOver: () => void;
}

interface ErrorBoundaryState {
  readonly error: unknown;
  readonly hasError: boolean;
}

export class ErrorBoundary extends Component<ErrorBoundaryProps, ErrorBoundaryState> {
  override state: ErrorBoundaryState = { error: undefined, hasError: false };

  static override getDerivedStateFromError(error: unknown): ErrorBoundaryState {
    return { error, hasError: true };
  }

  override render(): ComponentChildren {
    const { error, hasError } = this.state;
    if (!hasError) return this.props.children;
    const goOn = (): void => this.setState({ error: undefined, hasError: false });
    const startOver = (): void => {
      this.props.onStartOver();
      goOn();
    };
    return <Stopped error={error} name={this.props.name} onTryAgain={goOn} onStartOver={startOver} />;
  }
}

interface StoppedProps {
  readonly error: unknown;
  readonly name: string;
  readonly onTryAgain: () => void;
  readonly onStartOver: () => void;
}

function Stopped({ error, name, onTryAgain, onStartOver }: StoppedProps): JSX.Element {
  const texts = t().app;
  const { message, details } = problemOf(error);
  return (
    <section class="stopped" role="alert">
      <h2>{texts.roomProblem(name)}</h2>
      <p class="stopped-message">{message}</p>
      <p>{texts.roomKept}</p>
      <p class="actions">
        <Button kind="main" onClick={onTryAgain}>
          {texts.tryAgain}
        </Button>
        <Button onClick={onStartOver}>{texts.startOver}</Button>
      </p>
      <Details text={details} />
    </section>
  );
}

export function Details({ text }: { readonly text: string }): JSX.Element | null {
  if (text === "") return null;
  return (
    <details>
      <summary>{t().app.details}</summary>
      <pre>{text}</pre>
    </details>
  );
}
