() => {
    const all = (query) => [...document.querySelectorAll(query)];
    return [
        all(".mark.vehicle .shape").map((one) => one.getAttribute("stroke")),
        all(".list.vehicle .tag").map((one) => one.textContent),
    ];
}
