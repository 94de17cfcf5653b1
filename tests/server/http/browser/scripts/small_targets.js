() => [...document.querySelectorAll(
        "button, summary, select, input[type=range], label:has(> input[type=checkbox])")]
    .filter((one) => one.checkVisibility())
    .map((one) => [one.textContent.trim(), one.getBoundingClientRect()])
    .filter(([, { width, height }]) => height < 44 || width < 44)
    .map(([text, { width, height }]) => `${text}: ${width} x ${height}`)
