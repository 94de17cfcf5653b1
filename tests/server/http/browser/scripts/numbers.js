() => {
    const rows = [...document.querySelectorAll(".row[data-number]")].map((row) => {
        const style = getComputedStyle(row.querySelector(".head"), "::before");
        return [row.dataset.mark, row.dataset.number, style.backgroundColor, style.color];
    });
    const drawn = [...document.querySelectorAll(".overlay .mark")]
        .map((mark) => [mark.dataset.mark, mark.querySelector("text")?.textContent])
        .filter(([, text]) => /^[0-9]+$/.test(text));
    return [rows, drawn];
}
