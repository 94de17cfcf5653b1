([source, argument]) => {
    // Playwright's own waiting evaluates strings later, which the policy of the page forbids
    const holds = eval(source);
    const end = performance.now() + 30_000;
    return new Promise((done, fail) => {
        const look = () => {
            if (holds(argument)) done(true);
            else if (performance.now() > end) fail(new Error(`never: ${source}`));
            else setTimeout(look, 10);
        };
        look();
    });
}
