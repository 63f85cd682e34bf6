document.body.textContent = "Hashreel";
